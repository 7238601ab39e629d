/** @file A site's real dashboard over a folder and events that a test makes up: the page's real files, server and socket, and no agent behind. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { builtPage } from '@tessera/dashboard/built'
import { systemClock } from '@tessera/shared/clock'
import { deltaBytes } from '@tessera/shared/delta'
import { silentLog } from '@tessera/shared/log'
import { studentLayout } from '@tessera/shared/model'
import { CHUNK_BYTES, study as studySchema } from '@tessera/shared/protocol'
import { generateKeyPair, sha256Hex, signPayload } from '@tessera/shared/security'
import type { AgentEvent } from '@tessera/site-agent'
import { onTestFinished } from 'vitest'
import { openDashboard } from '../../site-agent/dashboard/open.ts'
import type { CheckedTiles } from '../../site-agent/data-check/check-tiles.ts'
import { loadPolicy, signPolicy, writeDefaultPolicy } from '../../site-agent/policy/index.ts'
import { auditFile, loadSite } from '../../site-agent/session/site-folder.ts'
import { studyFile } from '../../site-agent/session/workplace.ts'
import { openAudit } from '../../site-agent/uplink/audit.ts'
import { chunkReason } from '../../site-agent/uplink/chunk-reason.ts'
import { enrolledSite } from './enrolled-site.ts'

const STUDY = studySchema.parse({
  id: 'colon',
  seed: 'test',
  classes: ['benign', 'grade 3', 'grade 4', 'grade 5'],
  tile: { sizePx: 224 },
  student: {},
  method: { name: 'ce' },
  training: { rounds: 20, batchSize: 64 },
})
const LAYOUT = studentLayout(STUDY)
export const UPDATE_BYTES = deltaBytes(LAYOUT)

export interface SiteDashboard {
  /** Signs in, once. */
  readonly link: string
  readonly url: string
  readonly dir: string
  see(...events: AgentEvent[]): void
  /** Writes what one round sends to the audit log, and its receipt. */
  sendRound(round: number): Promise<void>
  close(): Promise<void>
}

/** Opens it; it is closed when the test ends. */
export async function siteDashboard(checked?: CheckedTiles): Promise<SiteDashboard> {
  const coordinator = await generateKeyPair()
  const { dir } = await enrolledSite('https://coordinator.example.org', coordinator, 'radboud')
  await mkdir(join(dir, 'state', STUDY.id), { recursive: true })
  await writeFile(studyFile(dir, STUDY.id), JSON.stringify(STUDY))
  const site = await loadSite(dir)
  // As enrolment leaves it: with the comments that people read.
  await rm(join(dir, 'policy.yaml'))
  await writeDefaultPolicy(dir, site)
  await signPolicy(dir, site, 1)
  const { hash } = await loadPolicy(dir, site)
  const dashboard = await openDashboard({
    dir,
    site,
    study: STUDY.id,
    coordinatorUrl: site.coordinatorUrl,
    version: '0.1.0',
    engine: 'TensorFlow 2.21 (CPU), 8 threads',
    listen: { host: '127.0.0.1', port: 0 },
    page: () => builtPage('site'),
    checkTiles: async ({ onRead }) => {
      onRead(6200, 15_000)
      return checked ?? new Promise(() => undefined)
    },
    clock: systemClock,
    log: silentLog,
  })
  onTestFinished(() => dashboard.close())
  dashboard.see({ kind: 'policy', sha256: hash })
  const say = async (kind: string, bytes: number, why: string, round?: number): Promise<void> => {
    const log = await openAudit(auditFile(dir), systemClock)
    const of = round === undefined ? {} : { study: STUDY.id, round }
    log.append({ kind, bytes, why, sha256: sha256Hex(why), ...of })
    await log.close()
  }
  return {
    url: dashboard.url,
    link: dashboard.link,
    dir,
    see: (...events) => events.forEach((event) => dashboard.see(event)),
    async sendRound(round) {
      await say('upload:open', 1900, `announces the delta of round ${round}`, round)
      for (let start = 0; start < UPDATE_BYTES; start += CHUNK_BYTES) {
        const end = Math.min(start + CHUNK_BYTES, UPDATE_BYTES)
        await say('upload:chunk', end - start + 140, chunkReason(start, end, round), round)
      }
      await say('upload:commit', 90, `all of the delta of round ${round} is sent`, round)
      const receipt = {
        study: STUDY.id,
        site: 'radboud',
        round,
        attempt: 1,
        payload: sha256Hex(`payload ${round}`),
        manifest: sha256Hex('m'),
        receivedAtMs: Date.now(),
      }
      const folder = join(dir, 'receipts', STUDY.id)
      await mkdir(folder, { recursive: true })
      const token = await signPayload('receipt', receipt, coordinator.privateKey)
      await writeFile(
        join(folder, `round-${round}-attempt-1.json`),
        JSON.stringify({ receipt: token, manifest: '' }),
      )
    },
    close: () => dashboard.close(),
  }
}

/** A step of a round that trains. */
export function training(round: number, step: number): AgentEvent {
  const loss = 1.4 * Math.exp(-step / 120) + 0.32 + 0.04 * Math.sin(step * 1.7)
  return {
    kind: 'training',
    round,
    rounds: STUDY.training.rounds,
    step,
    steps: 234,
    loss,
    parts: { ce: loss * 0.6, kl: loss * 0.25, nce: loss * 0.15 },
    imagesPerSecond: 38.4,
    secondsLeft: Math.round((234 - step) * 1.67),
  }
}

/** An update that is about to leave. */
export function trained(round: number): AgentEvent {
  return {
    kind: 'trained',
    round,
    base: sha256Hex('base'),
    encoding: 'f32',
    bytes: UPDATE_BYTES,
    payload: sha256Hex(`payload ${round}`),
    policyHash: sha256Hex('policy'),
    samples: 15_000,
    metrics: {
      loss: 0.412,
      ce: 0.251,
      kl: 0.1,
      nce: 0.061,
      correct: null,
      seen: 15_000,
      skippedTiles: 3,
      seconds: 391,
    },
  }
}

export const JOINED: AgentEvent = {
  kind: 'joined',
  study: STUDY.id,
  site: 'radboud',
  rounds: STUDY.training.rounds,
}

/** What a check finds in a good set with some blemishes. */
export const CHECKED: CheckedTiles = {
  report: {
    tiles: 12_000,
    classCounts: STUDY.classes.map((name, i) => ({
      name,
      tiles: 3000 + 400 * i,
      parts: { train: 3000 + 400 * i, val: 400, test: 350 },
    })),
    parts: { train: 14_400, val: 1600, test: 1400 },
    labels: [],
    skipped: { ERR_DATA_TILE_UNREADABLE: 3, ERR_DATA_TILE_NOT_RGB: 0, ERR_DATA_TILE_TOO_LARGE: 0 },
    duplicates: 12,
    contradictions: 1,
    nearDuplicates: 84,
    leaks: { patient: 0, slide: 0, group: 0, duplicate: 0, 'near-duplicate': 0 },
    resized: 0,
    otherFiles: 2,
    missingClasses: [],
    inMemory: true,
  },
  empty: 41,
  blurred: 7,
  fault: null,
}
