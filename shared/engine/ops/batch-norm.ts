/**
 * @file Batch normalisation over N, H and W with the activation that follows it, in one op.
 *
 * y = act(γ (x − μ) / √(σ² + ε) + β), σ² biased (divided by N·H·W).
 *
 * Source: Ioffe and Szegedy, 2015, https://arxiv.org/abs/1502.03167
 */
import * as tf from '@tensorflow/tfjs-core'
import { stopGradient } from './stop-gradient.ts'
import { swish } from './swish.ts'

/** What follows the normalisation. */
export type Activation = 'none' | 'swish'

/** `y` has the shape of the input; `mean` and `variance` [C] are the batch's and carry no gradient. */
export interface BatchNorm {
  y: tf.Tensor4D
  mean: tf.Tensor1D
  variance: tf.Tensor1D
}

/** Normalises `x` [B, H, W, C] by the statistics of the batch; the gradient flows through them. `gamma`, `beta` [C]. */
export function batchNormTrain(
  x: tf.Tensor4D,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  epsilon: number,
  activation: Activation,
): BatchNorm {
  const { mean, variance } = tf.moments(x, [0, 1, 2]) as { mean: tf.Tensor1D; variance: tf.Tensor1D }
  const y = batchNormInference(x, gamma, beta, mean, variance, epsilon, activation)
  return { y, mean: stopGradient(mean), variance: stopGradient(variance) }
}

/** Normalises `x` [B, H, W, C] by given statistics. `gamma`, `beta`, `mean`, `variance` [C]. */
export function batchNormInference(
  x: tf.Tensor4D,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  mean: tf.Tensor1D,
  variance: tf.Tensor1D,
  epsilon: number,
  activation: Activation,
): tf.Tensor4D {
  const scale = tf.mul(gamma, tf.rsqrt(tf.add(variance, epsilon)))
  const y: tf.Tensor4D = tf.add(tf.mul(x, scale), tf.sub(beta, tf.mul(mean, scale)))
  return activation === 'swish' ? swish(y) : y
}
