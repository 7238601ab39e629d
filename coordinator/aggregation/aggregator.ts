/**
 * @file What an aggregation strategy is: it turns the accepted deltas of a round into the student's step.
 *
 * It works coordinate by coordinate, in two parts: how the sites' values become one ({@link Aggregator.combine}; shared/reduction does it,
 * from the stored deltas, block by block), and what that means for the student ({@link Aggregator.move}). So a strategy never holds a model.
 */
import type { Combination } from '@tessera/shared/reduction'

/** One accepted update, as a round's aggregation sees it; its delta stays where it is stored. */
export interface SiteUpdate {
  readonly site: string
  /** Tiles the site trained on in this round. */
  readonly samples: number
  /** Its weight before the cap, where that is not its samples: of an update that came late, less. */
  readonly claim?: number | undefined
  /** L2 norm of its delta over the trainable tensors. */
  readonly norm: number
}

/** One update's part in the result. */
export interface Part extends SiteUpdate {
  /** Its weight in the mean, in samples: `samples`, or less where {@link import('./share-cap.ts').cappedWeights} holds it down. */
  readonly weight: number
  /** Factor on its delta: 1, or less where {@link import('./norm-guard.ts').clipFactors} scales it down. */
  readonly scale: number
}

/** How the sites' deltas relate to the result; for people and logs. */
export interface Diagnostics {
  readonly sites: number
  readonly samples: number
  /** L2 norm of the student's step over the trainable tensors. */
  readonly norm: number
  /** Sites whose delta was scaled down. */
  readonly clipped: readonly string[]
}

/** A vector over the trainable coordinates that a strategy keeps from round to round. */
export interface StateVector {
  readonly name: string
  /** Its value everywhere before the first round. */
  readonly initial: number
}

/** A strategy. One file each; index.ts lists them. */
export interface Aggregator {
  /** As it stands in the published record: name and settings, all that a recomputation needs. */
  readonly name: string
  /** Empty when rounds do not depend on each other. */
  readonly state: readonly StateVector[]
  /** How the values of `sites` sites become one. */
  combine(sites: number): Combination
  /**
   * Turns the combined values of a stretch of trainable coordinates into the student's step, in place, and moves the state of these
   * coordinates on. Arithmetic in float64, rounded once. Statistics and counters are not moved: their combined values are their step.
   * @param state One array a vector, in the order of `state`.
   */
  move(values: Float32Array, state: readonly Float32Array[]): void
}

/** Name and settings in one text: `fedprox mu=0.01`. */
export function strategyText({ name, ...settings }: { name: string } & Record<string, unknown>): string {
  return [name, ...Object.entries(settings).map(([key, value]) => `${key}=${String(value)}`)].join(' ')
}
