/** @file Removes old deltas, and says so under the coordinator's signature, so that what is missing on purpose is told from what was taken. */
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { explained, writeDurably } from '@tessera/shared/files'
import { readUnverified, signPayload } from '@tessera/shared/security'
import { loadCoordinator } from '../config.ts'
import { type LedgerSource, openLedgers, prunedFile } from './source.ts'

/**
 * Removes the deltas of all published rounds of a study but the last `keepRounds`; also while the coordinator runs. Gives the files removed.
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
  const source = ledgers.find(({ created }) => created.study.id === study)
  if (source === undefined) throw new TesseraError('ERR_STUDY_UNKNOWN', `study must exist, got ${study}`)
  const before = source.pruned === null ? 0 : readUnverified('pruned', source.pruned).through
  const through = Math.max(before, payloadsByRound(source).size - keepRounds)
  if (through <= 0) return { through: 0, removed: 0 }
  if (through > before) {
    // Before the first file goes: a crash in between leaves a statement that is too wide, not a gap that nobody explains.
    const statement = { study, through, atMs: clock.now() }
    await writeDurably(prunedFile(dir, study), await signPayload('pruned', statement, key.privateKey))
  }
  // Two sites may have sent the same bytes, in two rounds or studies: what is still wanted somewhere stays.
  const kept = new Set(
    ledgers.flatMap((ledger) => {
      const rounds = [...payloadsByRound(ledger)]
      const open = ledger === source ? rounds.filter(([round]) => round > through) : rounds
      return [...open.flatMap(([, payloads]) => payloads), ...openPayloads(ledger)]
    }),
  )
  let removed = 0
  for (const [round, payloads] of payloadsByRound(source)) {
    if (round > through) continue
    for (const payload of new Set(payloads)) if (!kept.has(payload) && (await remove(dir, payload))) removed++
  }
  return { through, removed }
}

/** Deltas that each published round counts. */
function payloadsByRound({ events }: LedgerSource): Map<number, string[]> {
  return new Map(
    events.flatMap((event) => {
      if (event.type !== 'round.published') return []
      const { round, contributors } = readUnverified('published', event.record)
      return [[round, contributors.map(({ payload }) => payload)] as const]
    }),
  )
}

/** Deltas of a round that is not published yet. */
function openPayloads({ events }: LedgerSource): string[] {
  const last = events.findLastIndex(({ type }) => type === 'round.published')
  return events.slice(last + 1).flatMap((event) => (event.type === 'update.accepted' ? [event.payload] : []))
}

async function remove(dir: string, payload: string): Promise<boolean> {
  const file = join(dir, 'updates', `${payload}.f32`)
  if (!(await stat(file).catch(() => null))) return false
  await explained(() => rm(file, { force: true }))
  return true
}
