/**
 * @file MOON at the server: FedAvg. Its model-contrastive term is the sites' business (site-agent/distill/model-contrast.ts).
 *
 * Source: Li, He and Song, Model-Contrastive Federated Learning, CVPR 2021, Algorithm 1, https://arxiv.org/abs/2103.16257.
 */
import type { Strategy } from '@tessera/shared/protocol'
import { type Aggregator, strategyText } from './aggregator.ts'
import { WEIGHTED_MEAN } from './fedavg.ts'

/** Builds the strategy. */
export function moon(strategy: Extract<Strategy, { name: 'moon' }>): Aggregator {
  return { ...WEIGHTED_MEAN, name: strategyText(strategy) }
}
