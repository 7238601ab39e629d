import * as tf from '@tensorflow/tfjs-core'
import { hasKernel, OWN, runKernel } from '../kernels/names.ts'

/** Settings of a step; no unit has a default here. */
export interface SgdMomentum {
  /** A scalar where a recorded step is to be fed another one each time. */
  learningRate: number | tf.Scalar
  momentum: number
  weightDecay: number
}

/**
 * Returns a weight and its velocity after one step: v ← μ·v + ∇ + λ·w, w ← w − η·v; the arguments are left as they are. All four
 * tensors have one shape. η: learning rate, μ: momentum, λ: weight decay. No gradient flows through it.
 *
 * Source: torch.optim.SGD without dampening, https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html
 */
export function sgdMomentum<T extends tf.Tensor>(
  weight: T,
  gradient: tf.Tensor,
  velocity: tf.Tensor,
  { learningRate, momentum, weightDecay }: SgdMomentum,
): { weight: T; velocity: T } {
  tf.util.assertShapesMatch(gradient.shape, weight.shape, 'sgdMomentum, gradient: ')
  tf.util.assertShapesMatch(velocity.shape, weight.shape, 'sgdMomentum, velocity: ')
  if (hasKernel(OWN.sgdMomentum)) {
    const [w, v] = tf.tidy(() => {
      const inputs = { weight, gradient, velocity }
      if (tf.getBackend() === 'tensorflow') {
        const rate = typeof learningRate === 'number' ? tf.scalar(learningRate) : learningRate
        return runKernel(OWN.sgdMomentum, { ...inputs, learningRate: rate }, { momentum, weightDecay })
      }
      // Kernels that are not recorded take a number; their tensors' values are at hand.
      const rate =
        typeof learningRate === 'number' ? learningRate : (learningRate.dataSync()[0] ?? Number.NaN)
      return runKernel(OWN.sgdMomentum, inputs, { learningRate: rate, momentum, weightDecay })
    })
    return { weight: w as T, velocity: v as T }
  }
  return tf.tidy(() => {
    const decayed = tf.add(gradient, tf.mul(weight, weightDecay))
    const v: T = tf.add(tf.mul(velocity, momentum), decayed)
    return { weight: tf.sub(weight, tf.mul(v, learningRate)), velocity: v }
  })
}
