/**
 * @file A whole round over a link that is cut every minute and loses frames: the real agent with its gate, the real coordinator, nothing between them that
 * is not simulated. 4 Mbit/s each way, 300 ms one way, 2 % of the frames lost, a 50 MB model down and its delta up.
 */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createStudy, initCoordinator, invite } from '@tessera/coordinator'
import { blindObserver } from '@tessera/coordinator/operation'
import { openStore } from '@tessera/coordinator/store'
import { deltaBytes } from '@tessera/shared/delta'
import { silentLog } from '@tessera/shared/log'
import { studentLayout } from '@tessera/shared/model'
import {
  PROGRESS_TIMEOUT_MS,
  PROTOCOL_VERSION,
  type StudyInput,
  study as studySchema,
  WINDOW_CHUNKS,
} from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import { kitProof, signPayload } from '@tessera/shared/security'
import { chunkCount } from '@tessera/shared/transfer'
import { type AgentOptions, type AgentOutcome, runAgent } from '@tessera/site-agent'
import { describe, expect, onTestFinished, test } from 'vitest'
import { loadCoordinator } from '../../coordinator/config.ts'
import { createDoor } from '../../coordinator/door.ts'
import { type Office, openOffice } from '../../coordinator/office.ts'
import { openSession, type SiteSocket } from '../../coordinator/session.ts'
import { additiveTrainer, type EnrolledSite, enrolledSite } from '../support/enrolled-site.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { lossyNetwork } from '../support/lossy-link.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const STUDY: StudyInput = {
  id: 'far-away',
  seed: 'lossy',
  classes: ['normal', 'tumor'],
  tile: { sizePx: 16 },
  student: { name: 'efficientnet-b3', widthMultiplier: 1.1 },
  method: { name: 'ce' },
  training: { rounds: 1, batchSize: 4 },
  federation: { minSites: 1, quorum: 1, deadlineMs: 6 * 3_600_000 },
}
/** A third of it, for what does not hang on the size. */
const SMALLER: StudyInput = { ...STUDY, student: { ...STUDY.student, widthMultiplier: 0.6 } }
const bytesOf = (study: StudyInput): number => deltaBytes(studentLayout(studySchema.parse(study)))
/** Five seconds of work on a machine that has time. */
const BUSY_MS = 300_000

type Chunks = Map<number, { sent: number; sentAfterAnswer: number; answered: boolean }>

async function setup(study: StudyInput, loss: number, seed: string) {
  const clock = fakeClock()
  const dir = join(await temporaryFolder(), 'coordinator')
  await initCoordinator({ dir, port: 0 })
  await createStudy({ dir, study })
  const { key, ring } = await loadCoordinator(dir)
  const openThere = async (): Promise<{ office: Office; close(): Promise<void> }> => {
    const store = await openStore(dir)
    const office = await openOffice({
      dir,
      store,
      key,
      ring,
      clock,
      log: silentLog,
      onProgress: () => undefined,
      observer: blindObserver,
    })
    return { office, close: () => office.stop() }
  }
  let there = await openThere()
  let isOpen = true
  onTestFinished(() => there.close())

  const up: Chunks = new Map()
  const down: Chunks = new Map()
  const network = lossyNetwork({
    clock,
    random: createRandom(seed),
    bitsPerSecond: 4_000_000,
    delayMs: 300,
    loss,
    cutEveryMs: 60_000,
    accept(end) {
      if (isOpen) openSession(end as unknown as SiteSocket, there.office, createDoor(), clock, silentLog)
      else end.disconnect()
    },
    watch(what, event, request) {
      const chunks = event === 'upload:chunk' ? up : event === 'model:chunk' ? down : null
      if (chunks === null) return
      const { index } = request as { index: number }
      const chunk = chunks.get(index) ?? { sent: 0, sentAfterAnswer: 0, answered: false }
      chunks.set(index, chunk)
      if (what === 'answered') chunk.answered = true
      else {
        chunk.sent++
        if (chunk.answered) chunk.sentAfterAnswer++
      }
    },
  })

  const site = await enrolledSite('http://coordinator', key)
  const { kit } = await invite({ dir, site: 'north', autoApprove: true, clock })
  const claim = { kit: kit.kit, site: kit.site, publicKey: site.keys.publicKey }
  const proof = kitProof(kit.secret, claim)
  const payload = { protocol: PROTOCOL_VERSION, ...claim, proof, issuedAtMs: 1 }
  await there.office.enrol(await signPayload('enrolRequest', payload, site.keys.privateKey))

  return {
    clock,
    network,
    up,
    down,
    incoming: join(dir, 'updates', 'incoming'),
    agent: (more: Pick<AgentOptions, 'onProgress'> = {}) =>
      agentOf(site, { clock, dial: network.dial, ...more }),
    /** The coordinator is gone and there again, on what is on its disk. */
    restart: async () => {
      isOpen = false
      network.cut()
      await there.close()
      there = await openThere()
      isOpen = true
    },
  }
}

function agentOf(
  site: EnrolledSite,
  more: Pick<AgentOptions, 'clock' | 'dial' | 'onProgress'>,
): Promise<AgentOutcome> {
  const stop = new AbortController()
  const outcome = runAgent({
    dir: site.dir,
    dataDir: site.dataDir,
    study: STUDY.id,
    signal: stop.signal,
    log: silentLog,
    createTrainer: additiveTrainer({ rounds: [] }),
    ...more,
  })
  onTestFinished(async () => {
    stop.abort()
    await outcome.catch(() => undefined)
  })
  return outcome
}

const sum = (chunks: Chunks, field: 'sent' | 'sentAfterAnswer'): number =>
  [...chunks.values()].reduce((total, chunk) => total + chunk[field], 0)

describe('over 4 Mbit/s with 300 ms, cut every minute, 2 % of frames lost', () => {
  test.each(['a', 'b'])(
    'a 50 MB model arrives and its delta goes up; nothing is sent again but what was under way: seed %s',
    async (seed) => {
      const { clock, network, up, down, agent, incoming } = await setup(STUDY, 0.02, seed)
      const startedMs = clock.now()
      expect(await network.run(agent())).toEqual({ rounds: 1, finished: true })
      const { connections, lost } = network.counts
      expect(bytesOf(STUDY)).toBeGreaterThan(50e6)
      const count = chunkCount(bytesOf(STUDY))
      expect(up.size).toBe(count)
      expect(down.size).toBeGreaterThanOrEqual(count)
      // The link did what it is there for.
      expect(connections).toBeGreaterThan(3)
      expect(lost).toBeGreaterThan(3)

      // What was acknowledged is never sent again.
      expect([sum(up, 'sentAfterAnswer'), sum(down, 'sentAfterAnswer')]).toEqual([0, 0])
      // What was not, once for each connection that ended with it under way.
      expect(sum(up, 'sent') + sum(down, 'sent') - up.size - down.size).toBeLessThanOrEqual(
        WINDOW_CHUNKS * (connections - 1),
      )
      // 200 chunks take 210 s; every minute a window, and at most the wait for a frame that is lost last.
      expect((clock.now() - startedMs) / 1000).toBeLessThan(420 + PROGRESS_TIMEOUT_MS / 1000)
      expect(await readdir(incoming)).toEqual([])
    },
    BUSY_MS,
  )

  test(
    'a coordinator that is restarted in the middle of an upload gets the rest and nothing twice',
    async () => {
      const bytes = bytesOf(SMALLER)
      const { network, up, agent, restart } = await setup(SMALLER, 0, 'no loss')
      let restarting: Promise<void> | null = null
      const onProgress = (event: { kind: string; bytes?: number }): void => {
        if (event.kind === 'uploading' && (event.bytes ?? 0) > bytes / 2) restarting ??= restart()
      }
      const outcome = await network.run(agent({ onProgress }))
      expect(restarting).not.toBeNull()
      expect(outcome).toEqual({ rounds: 1, finished: true })
      expect(up.size).toBe(chunkCount(bytes))
      expect(sum(up, 'sentAfterAnswer')).toBe(0)
      expect(sum(up, 'sent') - up.size).toBeLessThanOrEqual(WINDOW_CHUNKS * (network.counts.connections - 1))
    },
    BUSY_MS,
  )
})
