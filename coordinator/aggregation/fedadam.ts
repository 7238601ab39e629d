/**
 * @file Adam at the server (FedAdam).
 *
 *   m ← β₁·m + (1−β₁)·Δ      v ← β₂·v + (1−β₂)·Δ²      step = η·m/(√v + τ)
 *
 * Δ: weighted mean of the round · m zero and v τ² before the first round, no bias correction, as in the paper · τ: how adaptive.
 * Source: Reddi et al., Adaptive Federated Optimization, ICLR 2021, Algorithm 2, https://arxiv.org/abs/2003.00295.
 */
import type { Strategy } from '@tessera/shared/protocol'
import { type Aggregator, strategyText } from './aggregator.ts'
import { WEIGHTED_MEAN } from './fedavg.ts'

/** Settings that FedAdam and FedYogi share. */
type AdaptiveStrategy = Extract<Strategy, { name: 'fedadam' | 'fedyogi' }>

/** Builds the strategy. */
export function fedadam(strategy: Extract<Strategy, { name: 'fedadam' }>): Aggregator {
  const { beta2 } = strategy
  return adaptive(strategy, (v, square) => beta2 * v + (1 - beta2) * square)
}

/**
 * A strategy with a step of its own for each coordinate.
 * @param follow Gives v after a round, from v before and Δ².
 */
export function adaptive(
  strategy: AdaptiveStrategy,
  follow: (v: number, square: number) => number,
): Aggregator {
  const { learningRate, beta1, tau } = strategy
  return {
    ...WEIGHTED_MEAN,
    name: strategyText(strategy),
    state: [
      { name: 'm', initial: 0 },
      { name: 'v', initial: tau * tau },
    ],
    move(values, [m = new Float32Array(), v = new Float32Array()]) {
      for (let i = 0; i < values.length; i++) {
        const delta = values[i] as number
        const mean = beta1 * (m[i] as number) + (1 - beta1) * delta
        const square = follow(v[i] as number, delta * delta)
        m[i] = mean
        v[i] = square
        values[i] = (learningRate * mean) / (Math.sqrt(square) + tau)
      }
    },
  }
}
