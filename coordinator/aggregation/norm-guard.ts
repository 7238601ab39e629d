/**
 * @file The guard on lengths: a delta that is much longer than the others is scaled down, not thrown away, and keeps its weight.
 *
 *   f = min(1, k·M/‖Δ‖)
 *
 * M: median of the norms of this round and of the last rounds, as they were sent · k: `factor`. An honest site that has trained longer than the
 * others still counts, with its direction and at most k times the middle length; one that sends a thousandfold moves the mean no further than
 * that. Fewer than half of the sites cannot move M beyond an honest norm. Source: clipping by the norm, Sun et al., Can You Really Backdoor
 * Federated Learning?, 2019, https://arxiv.org/abs/1911.07963. Differs: the bound follows the norms.
 */
import type { Guards } from '@tessera/shared/protocol'

/**
 * Gives each site's factor f, in (0, 1].
 * @param norms Of this round, by site.
 * @param earlier Norms of the contributors of the last rounds.
 */
export function clipFactors(
  norms: ReadonlyMap<string, number>,
  earlier: readonly number[],
  guard: Guards['adaptiveNorm'],
): ReadonlyMap<string, number> {
  const limit =
    guard === 'off' ? Number.POSITIVE_INFINITY : guard.factor * middle([...norms.values(), ...earlier])
  return new Map(
    // A middle of 0 is a round in which most did nothing: there is no length to go by, and a factor of 0 would throw away.
    [...norms].map(([site, norm]) => [site, limit > 0 && norm > limit ? limit / norm : 1]),
  )
}

/** Median; 0 of none. */
function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length / 2
  const low = sorted[Math.ceil(half) - 1] ?? 0
  const high = sorted[Math.floor(half)] ?? 0
  return (low + high) / 2
}
