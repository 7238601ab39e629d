/** @file The contest's arithmetic: medians, rates, and ratios pair by pair. */

/** The middle value; the mean of the two middle ones of an even number. @param values At least one. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = Math.floor(sorted.length / 2)
  const upper = sorted[half] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2
}

/** Items a second of a slot: `perStep` items in each of its steps. */
export function rateOf(seconds: readonly number[], perStep: number): number {
  return (perStep * seconds.length) / seconds.reduce((sum, one) => sum + one, 0)
}

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** Median, least and greatest. @param values At least one. */
export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/**
 * How many times as fast `rates` are as `base`, round by round: two slots of one round lie next to each other in time, so that whatever else the
 * machine was doing slowed both.
 * @param rates One a round. @param base Of the same rounds.
 */
export function pairedRatio(rates: readonly number[], base: readonly number[]): Spread {
  return spreadOf(rates.map((rate, round) => rate / (base[round] ?? Number.NaN)))
}
