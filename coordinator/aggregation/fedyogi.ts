/**
 * @file Yogi at the server (FedYogi): as FedAdam, but v moves by at most Δ², so that one large round does not slow the next ones.
 *
 *   v ← v − (1−β₂)·Δ²·sign(v − Δ²)
 *
 * Source: Reddi et al., Adaptive Federated Optimization, ICLR 2021, Algorithm 2, https://arxiv.org/abs/2003.00295.
 */
import type { Strategy } from '@tessera/shared/protocol'
import type { Aggregator } from './aggregator.ts'
import { adaptive } from './fedadam.ts'

/** Builds the strategy. */
export function fedyogi(strategy: Extract<Strategy, { name: 'fedyogi' }>): Aggregator {
  const { beta2 } = strategy
  return adaptive(strategy, (v, square) => v - (1 - beta2) * square * Math.sign(v - square))
}
