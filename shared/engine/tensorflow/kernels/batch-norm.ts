/**
 * @file Batch normalisation with its activation, forward and backward: our ops on the CPU, TensorFlow's fused ones on a GPU.
 *
 * Nobody has run the GPU's half yet: there was no GPU to try it on. It rests on TensorFlow's documentation of its ops.
 */
import * as tf from '@tensorflow/tfjs-core'
import { OWN } from '../../kernels/names.ts'
import { type Ops, registerKernel } from './register.ts'

type Normalised = 'x' | 'gamma' | 'beta'
type Statistics = 'mean' | 'variance'

interface Attributes {
  epsilon: number
  activation: string
}

export function registerBatchNorm(ops: Ops): void {
  if (ops.onGpu) registerFused(ops)
  else registerOwn(ops)
}

function registerOwn(ops: Ops): void {
  const settings = ({ epsilon, activation }: Attributes) => [
    ops.float('epsilon', epsilon),
    ops.text('activation', activation),
  ]
  registerKernel<Normalised, Attributes>(OWN.batchNormTrain, ({ x, gamma, beta }, attributes) =>
    ops.many('TesseraBatchNormTrain', [x, gamma, beta], settings(attributes), 3),
  )
  registerKernel<Normalised | Statistics, Attributes>(
    OWN.batchNormInference,
    ({ x, gamma, beta, mean, variance }, attributes) =>
      ops.one('TesseraBatchNormInference', [x, gamma, beta, mean, variance], settings(attributes)),
  )
  registerKernel<Normalised | Statistics | 'dy', Attributes & { throughStatistics: boolean }>(
    OWN.batchNormGradient,
    ({ x, dy, gamma, beta, mean, variance }, attributes) =>
      ops.many(
        'TesseraBatchNormGradient',
        [x, dy, gamma, beta, mean, variance],
        [...settings(attributes), ops.bool('through_statistics', attributes.throughStatistics)],
        3,
      ),
  )
}

function registerFused(ops: Ops): void {
  const settings = (epsilon: number, training: boolean) => [
    ops.floats('T'),
    ops.floats('U'),
    ops.float('epsilon', epsilon),
    ops.text('data_format', 'NHWC'),
    ops.bool('is_training', training),
  ]
  const activate = (z: tf.Tensor, activation: string): tf.Tensor =>
    activation === 'swish' ? tf.mul(z, tf.sigmoid(z)) : z

  function normalise(
    { x, gamma, beta, mean, variance }: Record<Normalised | Statistics, tf.Tensor>,
    epsilon: number,
  ): tf.Tensor {
    const inputs = [x, gamma, beta, mean, variance]
    return ops.many('FusedBatchNormV3', inputs, settings(epsilon, false), 6)[0] as tf.Tensor
  }

  registerKernel<Normalised, Attributes>(
    OWN.batchNormTrain,
    ({ x, gamma, beta }, { epsilon, activation }) => {
      // The op's own variance is unbiased; ours is the biased one, which the running statistics are made of.
      const { mean, variance } = tf.moments(x, [0, 1, 2])
      return [activate(normalise({ x, gamma, beta, mean, variance }, epsilon), activation), mean, variance]
    },
  )
  registerKernel<Normalised | Statistics, Attributes>(
    OWN.batchNormInference,
    (inputs, { epsilon, activation }) => activate(normalise(inputs, epsilon), activation),
  )
  registerKernel<Normalised | Statistics | 'dy', Attributes & { throughStatistics: boolean }>(
    OWN.batchNormGradient,
    (inputs, { epsilon, activation, throughStatistics }) => {
      const { x, dy, gamma, mean, variance } = inputs
      let before = dy
      if (activation === 'swish') {
        const z = normalise(inputs, epsilon)
        const sigma = tf.sigmoid(z)
        before = tf.mul(dy, tf.mul(sigma, tf.add(1, tf.mul(z, tf.sub(1, sigma)))))
      }
      const inverse = tf.rsqrt(tf.add(variance, epsilon))
      const centred = tf.mul(tf.sub(x, mean), inverse)
      const dGamma = tf.sum(tf.mul(before, centred), [0, 1, 2])
      const dBeta = tf.sum(before, [0, 1, 2])
      const rows = x.size / (x.shape.at(-1) ?? 1)
      const through = tf.div(tf.add(dBeta, tf.mul(centred, dGamma)), rows)
      const dx = tf.mul(tf.mul(gamma, inverse), throughStatistics ? tf.sub(before, through) : before)
      return [dx, dGamma, dBeta]
    },
  )
}
