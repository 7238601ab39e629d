/**
 * @file FedProx at the server: FedAvg. Its proximal term μ/2·‖w − w_global‖² is the sites' business (site-agent/distill/proximal.ts).
 *
 * Source: Li et al., Federated Optimization in Heterogeneous Networks, MLSys 2020, Algorithm 2, https://arxiv.org/abs/1812.06127. Differs:
 * sites are weighted by their samples, where the paper draws them with that probability.
 */
import type { Strategy } from '@tessera/shared/protocol'
import { type Aggregator, strategyText } from './aggregator.ts'
import { WEIGHTED_MEAN } from './fedavg.ts'

/** Builds the strategy. */
export function fedprox(strategy: Extract<Strategy, { name: 'fedprox' }>): Aggregator {
  return { ...WEIGHTED_MEAN, name: strategyText(strategy) }
}
