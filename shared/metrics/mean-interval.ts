/** @file The interval of a mean over few values: seeds, folds, sites. */
import type { Interval } from './bootstrap.ts'
import { twoSidedT } from './student-t.ts'

/** Student's t for one degree of freedom at a level of 0.9999 is 6366: nobody asks for more. */
const MOST_T = 1e4
/** Halvings: the quantile is then exact to the last bits of a number. */
const HALVINGS = 64

/**
 * Gives x̄ ± t·s/√n, t being the quantile of Student's distribution that `level` of it lies within; NaN for fewer than two values.
 * The values must be about normal: a score near 1 is not, and its interval may reach beyond 1.
 * @param level Share inside, in (0, 1).
 */
export function meanInterval(values: readonly number[], level = 0.95): Interval & { readonly mean: number } {
  const n = values.length
  const mean = values.reduce((sum, x) => sum + x, 0) / n
  if (n < 2) return { mean, low: Number.NaN, high: Number.NaN }
  const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1))
  const reach = (quantile(level, n - 1) * deviation) / Math.sqrt(n)
  return { mean, low: mean - reach, high: mean + reach }
}

/** By halving: the probability falls as t grows. */
function quantile(level: number, freedom: number): number {
  let [low, high] = [0, MOST_T]
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2
    if (twoSidedT(middle, freedom) > 1 - level) low = middle
    else high = middle
  }
  return (low + high) / 2
}
