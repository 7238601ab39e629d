/** @file Which of a round's metrics and of a judgement's counts may leave: none over fewer tiles than the policy says. */
import { type ConfusionMatrix, itemsOf } from '@tessera/shared/metrics'
import type { Judgement, SiteMetrics } from '@tessera/shared/protocol'
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

/** What a judgement tells. */
export type ToldCounts = Pick<Judgement, 'counts' | 'withheld'>

/** A judgement's counts as they may leave: null for a class of too few tiles, and for all when what is left is too few. */
export function tellable(
  counts: ConfusionMatrix,
  { judging, smallestSampleCount, smallestClassCount }: Smallest & Pick<Policy, 'judging'>,
): ToldCounts {
  if (judging === 'withheld') return { counts: null, withheld: 'policy' }
  if (itemsOf(counts) === 0) return { counts: null, withheld: 'no-tiles' }
  const told = counts.map((row) => {
    const tiles = itemsOf([row])
    return tiles > 0 && tiles < smallestClassCount ? null : row
  })
  const tiles = itemsOf(told)
  return tiles === 0 || tiles < smallestSampleCount
    ? { counts: null, withheld: 'few-tiles' }
    : { counts: told, withheld: null }
}
