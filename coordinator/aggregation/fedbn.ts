/**
 * @file FedBN at the server: FedAvg of all but the batch norms, which are `local-only` in the study's layout (shared/model/layouts.ts) and so
 * in no delta. Each site keeps its own.
 *
 * Source: Li et al., FedBN, ICLR 2021, Algorithm 1, https://arxiv.org/abs/2102.07623.
 */
import type { Aggregator } from './aggregator.ts'
import { WEIGHTED_MEAN } from './fedavg.ts'

/** Builds the strategy. */
export function fedbn(): Aggregator {
  return { ...WEIGHTED_MEAN, name: 'fedbn' }
}
