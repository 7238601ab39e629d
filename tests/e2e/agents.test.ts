import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tellStudy } from '@tessera/coordinator/studies'
import { systemClock } from '@tessera/shared/clock'
import { createLog } from '@tessera/shared/log'
import type { AgentEvent } from '@tessera/site-agent'
import { expect, test } from 'vitest'
import { startProcess } from '../support/coordinator-process.ts'
import { additiveTrainer, type TrainingLog } from '../support/enrolled-site.ts'
import { SITES, SMALL_STUDY, smallFederation } from '../support/federation.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

interface Line {
  readonly event: string
  readonly code?: string
  readonly reason?: string
}

/** A log that keeps its lines. */
function keptLog() {
  const lines: Line[] = []
  return { lines, log: createLog((line) => void lines.push(JSON.parse(line) as Line), systemClock) }
}
const trainer = (during: TrainingLog['during']) => ({
  createTrainer: additiveTrainer({ rounds: [], ...(during === undefined ? {} : { during }) }),
})

test('of two agents with one identity the second waits, says what to do, and ends with the study', async () => {
  const federation = await smallFederation()
  const coordinator = await federation.start()
  const copy = join(await temporaryFolder(), 'copy')
  await cp(federation.siteDir('north'), copy, { recursive: true })
  const [first, second] = [keptLog(), keptLog()]
  const isBusy = () => second.lines.find(({ code }) => code === 'ERR_SITE_BUSY')
  // Nobody is done with the first round before the second agent was there.
  const during = async (): Promise<void> => {
    await expect.poll(isBusy).toBeDefined()
  }
  const outcomes = SITES.map((site) =>
    federation.agent(site, coordinator.url, {
      ...trainer(during),
      ...(site === 'north' && { log: first.log }),
    }),
  )
  await expect.poll(() => coordinator.progress()[0]?.phase).toBe('collecting')
  const twin = federation.agent('north', coordinator.url, {
    dir: copy,
    log: second.log,
    ...trainer(undefined),
  })
  expect(await Promise.all(outcomes)).toEqual(SITES.map(() => ({ rounds: 2, finished: true })))
  expect(isBusy()?.reason).toContain('stop one of the two')
  expect(await twin).toEqual({ rounds: 0, finished: true })
  // The first one never lost its connection to the second.
  expect(first.lines.map(({ event }) => event)).not.toContain('coordinator.waiting')
  await coordinator.close()
})

test('a training step that holds the thread for longer than the heartbeat costs a connection, and nothing else', async () => {
  const undisturbed = await smallFederation()
  const calm = await undisturbed.start()
  await Promise.all(SITES.map((site) => undisturbed.agent(site, calm.url, trainer(undefined))))
  await calm.close()

  const federation = await smallFederation()
  const file = join(federation.dir, 'coordinator.json')
  const settings = JSON.parse(await readFile(file, 'utf8')) as object
  await writeFile(file, JSON.stringify({ ...settings, heartbeatMs: 200 }))
  const { url } = await startProcess(federation.dir)
  const { lines, log } = keptLog()
  const cell = new Int32Array(new SharedArrayBuffer(4))
  // Nothing else happens in this process meanwhile; the coordinator is another one.
  const during = (): void => void Atomics.wait(cell, 0, 0, 1500)
  const outcomes = await Promise.all(
    SITES.map((site) => federation.agent(site, url, { log, ...trainer(during) })),
  )
  expect(outcomes).toEqual(SITES.map(() => ({ rounds: 2, finished: true })))
  expect(lines.filter(({ code }) => code === 'ERR_CONNECTION_LOST').length).toBeGreaterThan(0)
  expect(await federation.result()).toEqual(await undisturbed.result())
})

test('agents of a study that is cancelled end cleanly in the middle of a round, also one that was away', async () => {
  const federation = await smallFederation()
  const coordinator = await federation.start()
  const events: AgentEvent[] = []
  const during: TrainingLog['during'] = (_round, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) resolve()
      signal?.addEventListener('abort', () => resolve(), { once: true })
    })
  const outcomes = SITES.map((site) =>
    federation.agent(site, coordinator.url, {
      ...trainer(during),
      onProgress: (event) => events.push(event),
    }),
  )
  await expect.poll(() => events.filter(({ kind }) => kind === 'training').length).toBe(SITES.length)
  await tellStudy({ dir: federation.dir, study: SMALL_STUDY.id }, 'cancel')
  expect(await Promise.all(outcomes)).toEqual(SITES.map(() => ({ rounds: 0, finished: false })))
  expect(events.filter(({ kind }) => kind === 'cancelled')).toHaveLength(SITES.length)
  await coordinator.ended
  expect(await federation.agent('north', coordinator.url, trainer(undefined))).toEqual({
    rounds: 0,
    finished: false,
  })
  await coordinator.close()
})
