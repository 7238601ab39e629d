/**
 * @file Coordinate-wise trimmed mean: the ⌊β·n⌋ smallest and largest of each coordinate's n values are left out. Sites count alike, whatever
 * their samples.
 *
 * Source: Yin et al., Byzantine-Robust Distributed Learning, ICML 2018, Definition 2, https://arxiv.org/abs/1803.01498.
 */
import type { Strategy } from '@tessera/shared/protocol'
import { type Aggregator, strategyText } from './aggregator.ts'
import { WEIGHTED_MEAN } from './fedavg.ts'

/** Builds the strategy. */
export function trimmedMean(strategy: Extract<Strategy, { name: 'trimmed-mean' }>): Aggregator {
  return {
    ...WEIGHTED_MEAN,
    name: strategyText(strategy),
    combine: (sites) => ({ kind: 'trimmed', trim: Math.floor(strategy.trim * sites) }),
  }
}
