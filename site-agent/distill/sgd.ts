/**
 * @file Stochastic gradient descent with momentum and weight decay, as `torch.optim.SGD` computes it.
 *
 *   g ← ∇ + λ·w      v ← μ·v + g      w ← w − η·v
 *
 * λ: weight decay, on every trainable tensor, norms and biases included, as the authors do · μ: momentum, no dampening · η: learning
 * rate · v: velocity, zero before the first step.
 */
import type * as tf from '@tensorflow/tfjs-core'
import { type SgdMomentum, sgdMomentum } from '@tessera/shared/engine'
import { type NamedTensors, tensorOf } from './tensor-map.ts'

/** Weights and their velocities, under the same names. */
export interface SgdState {
  readonly weights: Map<string, tf.Tensor>
  readonly velocities: Map<string, tf.Tensor>
}

/**
 * Returns weights and velocities after one step, for the tensors that have a gradient; the arguments are left as they are.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH if a gradient has no weight or no velocity.
 */
export function sgdStep(
  weights: NamedTensors,
  velocities: NamedTensors,
  gradients: NamedTensors,
  settings: SgdMomentum,
): SgdState {
  const moved = [...gradients].map(([name, gradient]) => {
    const step = sgdMomentum(tensorOf(weights, name), gradient, tensorOf(velocities, name), settings)
    return [name, step] as const
  })
  return {
    weights: new Map(moved.map(([name, { weight }]) => [name, weight])),
    velocities: new Map(moved.map(([name, { velocity }]) => [name, velocity])),
  }
}
