/** @file The level that parts a histogram in two. */

/**
 * Otsu's threshold: the level t that makes the variance between the values up to t and those above it largest,
 * ω₀(t) ω₁(t) (μ₀(t) − μ₁(t))².
 *
 * Source: N. Otsu, IEEE Transactions on Systems, Man, and Cybernetics 9(1), 1979, equation 14.
 *
 * @param counts How often each level occurs.
 * @returns The lowest such level; 0 for a histogram of one level or none.
 */
export function otsuThreshold(counts: ArrayLike<number>): number {
  let total = 0
  let sum = 0
  for (let level = 0; level < counts.length; level++) {
    total += counts[level] as number
    sum += level * (counts[level] as number)
  }
  let [below, belowSum, best, threshold] = [0, 0, 0, 0]
  for (let level = 0; level < counts.length; level++) {
    below += counts[level] as number
    belowSum += level * (counts[level] as number)
    const above = total - below
    if (below === 0 || above === 0) continue
    const difference = belowSum / below - (sum - belowSum) / above
    const between = below * above * difference * difference
    if (between > best) {
      best = between
      threshold = level
    }
  }
  return threshold
}
