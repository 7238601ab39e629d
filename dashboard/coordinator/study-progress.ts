/** @file How far a study is, from its row. */
import type { StudyRow } from '@tessera/shared/dashboard/coordinator-view'

export interface Parts {
  readonly accepted: number
  /** Still at work, or about to be. */
  readonly working: number
  readonly absent: number
  /** All that the round was offered to. */
  readonly offered: number
}

export function partsOf({ counts }: Pick<StudyRow, 'counts'>): Parts {
  const { offered, fetching, training, uploading, accepted, declined, missed } = counts
  const working = offered + fetching + training + uploading
  const absent = declined + missed
  return { accepted, working, absent, offered: accepted + working + absent }
}

/** Of all rounds, what is done of the running one included; from 0 to 1. */
export function overallShare(row: Pick<StudyRow, 'published' | 'rounds' | 'phase' | 'progress'>): number {
  const { published, rounds, phase, progress } = row
  if (phase === 'finished') return 1
  const running = phase === 'collecting' || phase === 'closed' ? (progress ?? 0) : 0
  return Math.min(1, (published + running) / rounds)
}
