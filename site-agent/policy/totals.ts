/**
 * @file How much has left, by local day and by round: summed from the audit log's own lines, old ones at the start and new ones as they are written. There
 * is no second record that could say otherwise, and a restart forgets nothing.
 */
import type { AuditEntry } from '../uplink/audit.ts'
import { dayIn } from './hours.ts'

/** What counts towards a limit. */
export interface DayTotal {
  /** Bytes of the frames of uploads. */
  readonly bytes: number
  /** Rounds whose upload was opened, each once. */
  readonly rounds: number
}

export interface Totals {
  add(entry: Pick<AuditEntry, 'time' | 'kind' | 'bytes' | 'study' | 'round'>): void
  /** Of the local day of `nowMs`. */
  day(nowMs: number): DayTotal
  /** True when the round's upload was opened on that day already. */
  hasRound(nowMs: number, study: string, round: number): boolean
  /** Bytes of a round's upload, over all days; 0 for a round before the study's latest. */
  roundBytes(study: string, round: number): number
}

/** Days that are remembered. Only today's are asked for; more than one, because a clock that is set right may go back. */
const DAYS_KEPT = 32

/** Starts at nothing. Memory: a name for each round of {@link DAYS_KEPT} days, and a number a study. */
export function createTotals(timeZone: string): Totals {
  const days = new Map<string, { bytes: number; rounds: Set<string> }>()
  const latest = new Map<string, { round: number; bytes: number }>()
  const dayOf = dayIn(timeZone)
  return {
    add({ time, kind, bytes, study, round }) {
      if (!kind.startsWith('upload:')) return
      const day = dayOf(Date.parse(time))
      const total = days.get(day) ?? { bytes: 0, rounds: new Set() }
      days.set(day, total)
      if (days.size > DAYS_KEPT) days.delete([...days.keys()].toSorted()[0] ?? day)
      total.bytes += bytes
      if (study === undefined || round === undefined) return
      if (kind === 'upload:open') total.rounds.add(`${study} ${round}`)
      const last = latest.get(study)
      if (last === undefined || round > last.round) latest.set(study, { round, bytes })
      else if (round === last.round) last.bytes += bytes
    },
    day(nowMs) {
      const total = days.get(dayOf(nowMs))
      return { bytes: total?.bytes ?? 0, rounds: total?.rounds.size ?? 0 }
    },
    hasRound: (nowMs, study, round) => days.get(dayOf(nowMs))?.rounds.has(`${study} ${round}`) ?? false,
    roundBytes(study, round) {
      const last = latest.get(study)
      return last?.round === round ? last.bytes : 0
    },
  }
}
