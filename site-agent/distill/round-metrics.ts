/** @file A round's metrics: means over tiles and counts, nothing of a single tile. */
import type { SiteMetrics } from '@tessera/shared/protocol'

/** One step, means over its batch. A part the method does not have is null. */
export interface StepMetrics {
  readonly loss: number
  readonly ce: number
  readonly kl: number | null
  readonly nce: number | null
  /** Tiles whose label the student's training pass had right. */
  readonly correct: number
  readonly seen: number
}

/** As they are computed, before the site's policy withholds any. */
export interface RoundMetrics extends Pick<SiteMetrics, 'kl' | 'nce' | 'seen'> {
  readonly loss: number
  readonly ce: number
  readonly correct: number
}

/** Returns the means over all tiles of the steps, each step weighted by its tiles. */
export function roundMetrics(steps: readonly StepMetrics[]): RoundMetrics {
  const seen = steps.reduce((sum, step) => sum + step.seen, 0)
  const mean = (part: 'loss' | 'ce' | 'kl' | 'nce'): number =>
    steps.reduce((sum, step) => sum + (step[part] ?? 0) * step.seen, 0) / seen
  const has = (part: 'kl' | 'nce'): boolean => steps.some((step) => step[part] !== null)
  return {
    loss: mean('loss'),
    ce: mean('ce'),
    kl: has('kl') ? mean('kl') : null,
    nce: has('nce') ? mean('nce') : null,
    correct: steps.reduce((sum, step) => sum + step.correct, 0),
    seen,
  }
}
