/**
 * @file Batch normalisation over N, H and W with the activation that follows it, in one op.
 *
 * y = act(γ (x − μ) / √(σ² + ε) + β), σ² biased (divided by N·H·W).
 *
 * Source: Ioffe and Szegedy, 2015, https://arxiv.org/abs/1502.03167
 */
import * as tf from '@tensorflow/tfjs-core'
import { hasKernel, OWN, runKernel } from '../kernels/names.ts'
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
  if (hasKernel(OWN.batchNormTrain)) {
    const [y, mean, variance] = runKernel(OWN.batchNormTrain, { x, gamma, beta }, { epsilon, activation })
    return { y, mean, variance } as BatchNorm
  }
  const { mean, variance } = tf.moments(x, [0, 1, 2]) as { mean: tf.Tensor1D; variance: tf.Tensor1D }
  const y = compose(x, gamma, beta, mean, variance, epsilon, activation)
  return { y, mean: stopGradient(mean), variance: stopGradient(variance) }
}

/** Normalises `x` [B, H, W, C] by given statistics, which carry no gradient. `gamma`, `beta`, `mean`, `variance` [C]. */
export function batchNormInference(
  x: tf.Tensor4D,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  mean: tf.Tensor1D,
  variance: tf.Tensor1D,
  epsilon: number,
  activation: Activation,
): tf.Tensor4D {
  if (hasKernel(OWN.batchNormInference)) {
    const inputs = { x, gamma, beta, mean, variance }
    return runKernel(OWN.batchNormInference, inputs, { epsilon, activation })[0] as tf.Tensor4D
  }
  return compose(x, gamma, beta, stopGradient(mean), stopGradient(variance), epsilon, activation)
}

function compose(
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

/**
 * With x̂ = (x − μ) / √(σ² + ε), dz the gradient before the activation and n = N·H·W:
 * dγ = Σ dz x̂, dβ = Σ dz, dx = γ / √(σ² + ε) · (dz − dβ / n − x̂ dγ / n).
 */
tf.registerGradient({
  kernelName: OWN.batchNormTrain,
  inputsToSave: ['x', 'gamma', 'beta'],
  outputsToSave: [false, true, true],
  gradFunc: (dys, saved, attributes) => {
    const [x, gamma, beta, mean, variance] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
    // What flows into mean and variance is dropped: they are outputs for the running statistics.
    const [dy] = dys as [tf.Tensor]
    const inputs = { x, dy, gamma, beta, mean, variance }
    const { epsilon, activation } = attributes as { epsilon: number; activation: Activation }
    const attrs = { epsilon, activation, throughStatistics: true }
    const [dx, dGamma, dBeta] = runKernel(OWN.batchNormGradient, inputs, attrs) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ]
    return { x: () => dx, gamma: () => dGamma, beta: () => dBeta }
  },
})

/** As above with fixed statistics, dx = γ / √(σ² + ε) · dz; fixed statistics have no gradient. */
tf.registerGradient({
  kernelName: OWN.batchNormInference,
  inputsToSave: ['x', 'gamma', 'beta', 'mean', 'variance'],
  gradFunc: (dy, saved, attributes) => {
    const [x, gamma, beta, mean, variance] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
    const inputs = { x, dy: dy as tf.Tensor, gamma, beta, mean, variance }
    const { epsilon, activation } = attributes as { epsilon: number; activation: Activation }
    const attrs = { epsilon, activation, throughStatistics: false }
    const [dx, dGamma, dBeta] = runKernel(OWN.batchNormGradient, inputs, attrs) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ]
    return {
      x: () => dx,
      gamma: () => dGamma,
      beta: () => dBeta,
      mean: () => tf.zerosLike(mean),
      variance: () => tf.zerosLike(variance),
    }
  },
})
