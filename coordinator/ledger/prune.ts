/** @file Removes old deltas, and says so under the coordinator's signature, so that what is missing on purpose is told from what was taken. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { explained } from '@tessera/shared/files'
import { loadCoordinator } from '../config.ts'
import { prunedThrough, statePruned } from './pruned.ts'
import { createRetention, type Unwanted } from './retention.ts'
import { openLedgers } from './source.ts'

/**
 * Removes the deltas of all published rounds of a study but the last `keepRounds`, and the states that only those rounds' students follow from;
 * also while the coordinator runs. Gives the files removed.
 * @throws {TesseraError} ERR_STUDY_UNKNOWN, ERR_STORE_WRITE
 */
export async function pruneDeltas(options: {
  dir: string
  study: string
  keepRounds: number
  clock?: Clock | undefined
}): Promise<{ through: number; removed: number }> {
  const { dir, study, keepRounds, clock = systemClock } = options
  const { key } = await loadCoordinator(dir)
  const ledgers = await openLedgers(dir)
  if (!ledgers.some(({ created }) => created.study.id === study))
    throw new TesseraError('ERR_STUDY_UNKNOWN', `study must exist, got ${study}`)
  const retention = createRetention()
  for (const { events } of ledgers) for (const event of events) retention.note(event)
  const through = Math.max(await prunedThrough(dir, study), retention.published(study) - keepRounds)
  if (through <= 0) return { through: 0, removed: 0 }
  await statePruned(dir, { study, through, atMs: clock.now() }, key)
  // Of other studies first: what they have let go of wants no file any more.
  for (const { created } of ledgers) {
    const { id } = created.study
    if (id !== study) retention.release(id, await prunedThrough(dir, id))
  }
  return { through, removed: await removeFiles(dir, retention.release(study, through)) }
}

/** Removes those files that are there; gives their number. @throws {TesseraError} ERR_STORE_WRITE */
export async function removeFiles(dir: string, { updates, states }: Unwanted): Promise<number> {
  let removed = 0
  for (const [folder, extension, wanted] of [
    ['updates', '.f32', updates],
    ['models', '.safetensors', states],
  ] as const) {
    if (wanted.length === 0) continue
    const there = new Set(await explained(() => readdir(join(dir, folder))))
    for (const name of new Set(wanted.map((sha256) => `${sha256}${extension}`))) {
      if (!there.has(name)) continue
      await explained(() => rm(join(dir, folder, name), { force: true }))
      removed++
    }
  }
  return removed
}
