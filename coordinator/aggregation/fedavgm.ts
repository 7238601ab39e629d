/**
 * @file FedAvg with momentum at the server (FedAvgM).
 *
 *   m ← β·m + Δ      step = η·m, or by Nesterov η·(Δ + β·m)
 *
 * Δ: weighted mean of the round · m: momentum, zero before the first round · β: `momentum` · η: `learningRate`.
 * Source: Hsu, Qi and Brown, 2019, https://arxiv.org/abs/1909.06335, equation 3; Nesterov's form as in DiLoCo's outer step, Douillard et al.,
 * 2023, https://arxiv.org/abs/2311.08105.
 */
import type { Strategy } from '@tessera/shared/protocol'
import { type Aggregator, strategyText } from './aggregator.ts'
import { WEIGHTED_MEAN } from './fedavg.ts'

/** Builds the strategy. */
export function fedavgm(strategy: Extract<Strategy, { name: 'fedavgm' }>): Aggregator {
  const { learningRate, momentum, nesterov } = strategy
  return {
    ...WEIGHTED_MEAN,
    name: strategyText(strategy),
    state: [{ name: 'm', initial: 0 }],
    move(values, [m = new Float32Array()]) {
      for (let i = 0; i < values.length; i++) {
        const delta = values[i] as number
        const moved = momentum * (m[i] as number) + delta
        m[i] = moved
        values[i] = learningRate * (nesterov ? delta + momentum * moved : moved)
      }
    },
  }
}
