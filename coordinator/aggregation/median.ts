/**
 * @file Coordinate-wise median; of an even number of sites the mean of the two in the middle. Sites count alike, whatever their samples.
 *
 * Source: Yin et al., Byzantine-Robust Distributed Learning, ICML 2018, Definition 1, https://arxiv.org/abs/1803.01498.
 */
import type { Aggregator } from './aggregator.ts'
import { WEIGHTED_MEAN } from './fedavg.ts'

/** Builds the strategy. */
export function median(): Aggregator {
  return {
    ...WEIGHTED_MEAN,
    name: 'median',
    combine: (sites) => ({ kind: 'trimmed', trim: Math.floor((sites - 1) / 2) }),
  }
}
