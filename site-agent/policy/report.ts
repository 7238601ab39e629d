/** @file Which of a round's metrics may leave: no mean and no count over fewer tiles than the policy says. */
import type { SiteMetrics } from '@tessera/shared/protocol'
import type { Policy } from './policy.ts'

type Smallest = Pick<Policy, 'smallestSampleCount' | 'smallestClassCount'>

/** True when a mean over `tiles` tiles may leave from a site with these tiles a class; null: nobody has counted, so it may not. */
export function mayTellMeans(
  { smallestSampleCount, smallestClassCount }: Smallest,
  tiles: number,
  classCounts: readonly number[] | null,
): boolean {
  if (classCounts === null || tiles < smallestSampleCount) return false
  return classCounts.every((count) => count === 0 || count >= smallestClassCount)
}

/**
 * The metrics with null for what may not leave. Given what it returned, it returns the same.
 * @param samples Tiles trained on; `metrics.seen` counts a tile once an epoch.
 */
export function reportable(
  samples: number,
  metrics: SiteMetrics,
  smallest: Smallest,
  classCounts: readonly number[] | null,
): SiteMetrics {
  if (!mayTellMeans(smallest, samples, classCounts)) {
    return { ...metrics, loss: null, ce: null, kl: null, nce: null, correct: null }
  }
  const { correct, seen } = metrics
  if (correct === null) return metrics
  const tooFew = (count: number): boolean => count > 0 && count < smallest.smallestSampleCount
  // Wrong answers are told by the right ones.
  return tooFew(correct) || tooFew(seen - correct) ? { ...metrics, correct: null } : metrics
}
