/**
 * @file FedProx's proximal term, which holds a site's student near the federation's while it trains.
 *
 *   L ← L + μ/2·‖w − w₀‖²      ∇ ← ∇ + μ·(w − w₀)
 *
 * w: trainable tensors · w₀: those of the student that the round began with. Only the gradient is computed: the losses that are reported are
 * the method's own, so that they can be compared between strategies.
 * Source: Li et al., Federated Optimization in Heterogeneous Networks, MLSys 2020, equation 2, https://arxiv.org/abs/1812.06127.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Study } from '@tessera/shared/protocol'
import { type NamedTensors, tensorOf } from './tensor-map.ts'

/** Returns the gradients with the term's; the arguments are left as they are. @throws {TesseraError} ERR_LAYOUT_MISMATCH */
export function withProximal(
  gradients: NamedTensors,
  weights: NamedTensors,
  anchors: NamedTensors,
  mu: number,
): Map<string, tf.Tensor> {
  return new Map(
    [...gradients].map(([name, gradient]) => [
      name,
      tf.tidy(() => tf.add(gradient, tf.mul(tf.sub(tensorOf(weights, name), tensorOf(anchors, name)), mu))),
    ]),
  )
}

/** μ of a study; 0 when it has no such term. */
export function proximalWeight({ federation }: Study): number {
  return federation.strategy.name === 'fedprox' ? federation.strategy.mu : 0
}
