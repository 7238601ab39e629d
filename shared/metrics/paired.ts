/**
 * @file Whether one method is better than another, from their scores on the same seeds, folds or sites. Two-sided. With three pairs no test by signs
 * or ranks can give less than 0.25: it takes six for 0.05.
 */
import { TesseraError } from '../errors.ts'
import { midranks } from './auroc.ts'
import { twoSidedT } from './student-t.ts'

export interface PairedTest {
  /** Mean of a − b. */
  readonly difference: number
  readonly statistic: number
  /** Probability of so large a difference if there is none; NaN where the test says nothing. */
  readonly p: number
}

/** More pairs than this make the exact distribution of ranks long to list, and no table of seeds has them. */
const MOST_PAIRS = 1000

/**
 * Student's t test of the differences, t = d̄ / (s / √n); they must be about normal. NaN for fewer than two pairs, or when all differ alike.
 * @throws {TesseraError} ERR_INTERNAL when the lengths differ.
 */
export function pairedT(a: readonly number[], b: readonly number[]): PairedTest {
  const differences = differencesOf(a, b)
  const n = differences.length
  const difference = mean(differences)
  const spread = Math.sqrt(differences.reduce((sum, d) => sum + (d - difference) ** 2, 0) / (n - 1))
  const statistic = spread > 0 ? difference / (spread / Math.sqrt(n)) : Number.NaN
  return { difference, statistic, p: twoSidedT(statistic, n - 1) }
}

/**
 * Wilcoxon's signed-rank test, exact: W⁺, the sum of the ranks of |a − b| where a is the larger, against all 2ⁿ ways to give the ranks their signs. Pairs
 * without a difference are left out; equal ones share their ranks. NaN when nothing is left.
 *
 * Source: Wilcoxon, Biometrics Bulletin 1(6), 1945; ties: Pratt and Gibbons, Concepts of Nonparametric Theory, 1981.
 * @throws {TesseraError} ERR_INTERNAL when the lengths differ.
 */
export function signedRanks(a: readonly number[], b: readonly number[]): PairedTest {
  const all = differencesOf(a, b)
  const differences = all.filter((d) => d !== 0)
  // Doubled, so that shared ranks are whole.
  const ranks = midranks(differences.map(Math.abs)).map((rank) => Math.round(2 * rank))
  const total = ranks.reduce((sum, rank) => sum + rank, 0)
  const plus = ranks.reduce((sum, rank, i) => sum + ((differences[i] ?? 0) > 0 ? rank : 0), 0)
  const smaller = Math.min(plus, total - plus)
  /** Share of the sign patterns by their sum. */
  let shares = new Float64Array(total + 1)
  shares[0] = 1
  for (const rank of ranks) {
    const next = shares.map((share) => share / 2)
    for (let sum = rank; sum <= total; sum++) next[sum] = (next[sum] ?? 0) + (shares[sum - rank] ?? 0) / 2
    shares = next
  }
  const tail = shares.subarray(0, smaller + 1).reduce((sum, share) => sum + share, 0)
  const p = differences.length === 0 ? Number.NaN : Math.min(1, 2 * tail)
  return { difference: mean(all), statistic: plus / 2, p }
}

/**
 * p values of a family of tests, so that one false alarm among all of them is as likely as it was of each: the k-th smallest times n − k + 1, never less
 * than the one before. NaNs stay, and do not count.
 *
 * Source: Holm, Scandinavian Journal of Statistics 6(2), 1979.
 */
export function holm(p: readonly number[]): number[] {
  const order = p
    .map((value, i) => ({ value, i }))
    .filter(({ value }) => !Number.isNaN(value))
    .toSorted((a, b) => a.value - b.value)
  const adjusted = p.map(() => Number.NaN)
  let least = 0
  for (const [k, { value, i }] of order.entries()) {
    least = Math.min(1, Math.max(least, value * (order.length - k)))
    adjusted[i] = least
  }
  return adjusted
}

function differencesOf(a: readonly number[], b: readonly number[]): number[] {
  if (a.length === b.length && a.length <= MOST_PAIRS)
    return a.map((value, i) => value - (b[i] ?? Number.NaN))
  throw new TesseraError(
    'ERR_INTERNAL',
    `internal: scores must be pairs, at most ${MOST_PAIRS}, got ${a.length} and ${b.length}`,
  )
}

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length
