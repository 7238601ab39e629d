/**
 * @file Batch normalisation with its activation, forward and backward.
 */
import type * as tf from '@tensorflow/tfjs-core'
import { type Heap, registerKernel } from './heap.ts'
import { OWN } from './names.ts'

type Normalised = 'x' | 'gamma' | 'beta'
type Statistics = 'mean' | 'variance'

interface Attributes {
  epsilon: number
  activation: string
}

function sizes(x: tf.TensorInfo): { rows: number; channels: number } {
  const channels = x.shape.at(-1) ?? 0
  return { rows: x.shape.slice(0, -1).reduce((product, size) => product * size, 1), channels }
}

export function registerBatchNorm(heap: Heap): void {
  const { kernels, address } = heap

  function normalise(
    inputs: Record<Normalised | Statistics, tf.TensorInfo>,
    { epsilon, activation }: Attributes,
  ): tf.TensorInfo {
    const { x, gamma, beta, mean, variance } = inputs
    const { rows, channels } = sizes(x)
    const y = heap.output(x.shape)
    kernels.normalise(
      address(x),
      address(gamma),
      address(beta),
      address(mean),
      address(variance),
      address(y),
      heap.scratch(channels + 4),
      rows,
      channels,
      epsilon,
      Number(activation === 'swish'),
    )
    return y
  }

  registerKernel<Normalised, Attributes>(OWN.batchNormTrain, (inputs, attributes) => {
    const { rows, channels } = sizes(inputs.x)
    const mean = heap.output([channels])
    const variance = heap.output([channels])
    kernels.moments(address(inputs.x), address(mean), address(variance), rows, channels)
    return [normalise({ ...inputs, mean, variance }, attributes), mean, variance]
  })

  registerKernel<Normalised | Statistics, Attributes>(OWN.batchNormInference, normalise)

  registerKernel<Normalised | Statistics | 'dy', Attributes & { throughStatistics: boolean }>(
    OWN.batchNormGradient,
    ({ x, dy, gamma, beta, mean, variance }, { epsilon, activation, throughStatistics }) => {
      const { rows, channels } = sizes(x)
      const dx = heap.output(x.shape)
      const dGamma = heap.output([channels])
      const dBeta = heap.output([channels])
      const factors = heap.scratch(3 * channels + 4)
      const withSwish = activation === 'swish'
      kernels.normaliseGradientSums(
        address(x),
        address(dy),
        address(gamma),
        address(beta),
        address(mean),
        address(variance),
        address(dx),
        address(dGamma),
        address(dBeta),
        factors,
        rows,
        channels,
        epsilon,
        Number(withSwish),
      )
      kernels.normaliseGradient(
        address(x),
        // With swish the gradient before the activation is in dx by now; it is overwritten element by element.
        address(withSwish ? dx : dy),
        address(gamma),
        address(mean),
        address(variance),
        address(dGamma),
        address(dBeta),
        address(dx),
        factors,
        rows,
        channels,
        epsilon,
        Number(throughStatistics),
      )
      return [dx, dGamma, dBeta]
    },
  )
}
