/**
 * @file The cap on one site's share of the mean.
 *
 * Sites that would have more than the cap get exactly the cap, and the others share the rest by their samples: with U the sum of the
 * uncapped sites' samples and k capped sites, each capped weight is c·U / (1 − k·c). Counts are known from the manifests before any
 * delta is read, so the mean itself stays streaming.
 */

/**
 * Gives each site's weight in the mean, in samples. Where the cap cannot hold because there are too few sites (n·c ≤ 1), all sites
 * weigh the same: the smallest largest share there is.
 * @param samples Samples by site, or what a late update's samples still weigh; each above 0.
 * @param maxShare Cap c in (0, 1]; 1 leaves every weight as it is.
 */
export function cappedWeights(
  samples: ReadonlyMap<string, number>,
  maxShare: number,
): ReadonlyMap<string, number> {
  if (samples.size * maxShare <= 1) return new Map([...samples.keys()].map((site) => [site, 1]))
  const largestFirst = [...samples].toSorted(([, a], [, b]) => b - a)
  let uncapped = largestFirst.reduce((sum, [, count]) => sum + count, 0)
  let capped = 0
  let limit = Number.POSITIVE_INFINITY
  for (const [, count] of largestFirst) {
    // The next largest is above the cap exactly if its samples exceed what a capped site would weigh.
    const cap = (maxShare * uncapped) / (1 - capped * maxShare)
    if (count <= cap) break
    uncapped -= count
    capped += 1
    limit = (maxShare * uncapped) / (1 - capped * maxShare)
  }
  return new Map([...samples].map(([site, count]) => [site, Math.min(count, limit)]))
}
