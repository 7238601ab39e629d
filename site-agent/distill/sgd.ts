/**
 * @file Stochastic gradient descent with momentum and weight decay, as `torch.optim.SGD` computes it.
 *
 *   g ← ∇ + λ·w      v ← μ·v + g      w ← w − η·v
 *
 * λ: weight decay, on every trainable tensor, norms and biases included, as the authors do · μ: momentum, no dampening · η: learning
 * rate · v: velocity, zero before the first step.
 */
import * as tf from '@tensorflow/tfjs-core'
import { type NamedTensors, tensorOf } from './tensor-map.ts'

export interface SgdSettings {
  readonly learningRate: number
  readonly momentum: number
  readonly weightDecay: number
}

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
  { learningRate, momentum, weightDecay }: SgdSettings,
): SgdState {
  const names = [...gradients.keys()]
  const moved = tf.tidy(() => {
    const rate = tf.scalar(learningRate)
    const keep = tf.scalar(momentum)
    const decay = tf.scalar(weightDecay)
    return names.map((name) => {
      const weight = tensorOf(weights, name)
      const decayed = tf.add(tensorOf(gradients, name), tf.mul(weight, decay))
      const nextVelocity = tf.add(tf.mul(tensorOf(velocities, name), keep), decayed)
      return [tf.sub(weight, tf.mul(nextVelocity, rate)), nextVelocity] as [tf.Tensor, tf.Tensor]
    })
  })
  return {
    weights: new Map(names.map((name, i) => [name, (moved[i] as [tf.Tensor, tf.Tensor])[0]])),
    velocities: new Map(names.map((name, i) => [name, (moved[i] as [tf.Tensor, tf.Tensor])[1]])),
  }
}
