/**
 * @file The interval of a share: how many of those that were looked at.
 *
 *   (p̂ + z²/2n ± z √(p̂(1 − p̂)/n + z²/4n²)) / (1 + z²/n)
 *
 * p̂ = k/n · k: right ones · n: all · z: quantile of the normal distribution.
 * Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927. It stays within [0, 1], also at the ends.
 */
import type { Interval } from './bootstrap.ts'

/** Of the normal distribution, 95 % of which lies within ± it. */
const Z_95 = 1.959963984540054

/** Gives the share and its 95 % interval; null of nothing. */
export function shareInterval(right: number, all: number): (Interval & { readonly value: number }) | null {
  if (all === 0) return null
  const value = right / all
  const z2 = Z_95 ** 2
  const middle = value + z2 / (2 * all)
  const reach = Z_95 * Math.sqrt((value * (1 - value)) / all + z2 / (4 * all ** 2))
  const scale = 1 + z2 / all
  // Rounding could leave the share itself outside, at the ends.
  const low = Math.min(value, Math.max(0, (middle - reach) / scale))
  const high = Math.max(value, Math.min(1, (middle + reach) / scale))
  return { value, low, high }
}
