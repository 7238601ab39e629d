/**
 * @file Batch normalisation with its activation, forward and backward.
 */
import type * as tf from '@tensorflow/tfjs-core'
import { type Heap, registerKernel } from './heap.ts'
import { OWN } from './names.ts'
import { SUMS, tasksOf, unitsOf } from './partition.ts'

type Normalised = 'x' | 'gamma' | 'beta'
type Statistics = 'mean' | 'variance'

interface Attributes {
  epsilon: number
  activation: string
}

/** Elements of a task: both passes over them find what they need in the second-level cache. */
const PART = 32_768

function sizes(x: tf.TensorInfo): { rows: number; channels: number } {
  const channels = x.shape.at(-1) ?? 0
  return { rows: x.shape.slice(0, -1).reduce((product, size) => product * size, 1), channels }
}

export function registerBatchNorm(heap: Heap): void {
  const { kernels, run, address } = heap

  function normalise(
    inputs: Record<Normalised | Statistics, tf.TensorInfo>,
    { epsilon, activation }: Attributes,
  ): tf.TensorInfo {
    const { x, gamma, beta, mean, variance } = inputs
    const { rows, channels } = sizes(x)
    const y = heap.output(x.shape)
    const factor = heap.scratch(channels + 4)
    kernels.factors(address(gamma), address(variance), factor, channels, epsilon)
    const part = unitsOf(PART, channels)
    run(
      'normalise',
      tasksOf(rows, part),
      part,
      address(x),
      address(beta),
      address(mean),
      factor,
      address(y),
      rows,
      channels,
      heap.constants,
      Number(activation === 'swish'),
    )
    return y
  }

  registerKernel<Normalised, Attributes>(OWN.batchNormTrain, (inputs, attributes) => {
    const { rows, channels } = sizes(inputs.x)
    const mean = heap.output([channels])
    const variance = heap.output([channels])
    const part = unitsOf(SUMS, channels)
    const tasks = tasksOf(rows, part)
    const parts = heap.scratch(2 * tasks * channels + 4)
    run('partMoments', tasks, part, address(inputs.x), parts, rows, channels)
    kernels.mergeParts(parts, address(mean), address(variance), part, rows, channels)
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
      const part = unitsOf(PART, channels)
      const tasks = tasksOf(rows, part)
      const withSwish = activation === 'swish'
      const inverse = heap.scratch((4 + 2 * tasks) * channels + 4)
      const factor = inverse + 4 * channels
      const slopes = factor + 4 * channels
      const shifts = slopes + 4 * channels
      const parts = shifts + 4 * channels
      kernels.inverseDeviations(address(variance), inverse, channels, epsilon)
      kernels.factors(address(gamma), address(variance), factor, channels, epsilon)
      run(
        'normaliseGradientSums',
        tasks,
        part,
        address(x),
        address(dy),
        address(beta),
        address(mean),
        inverse,
        factor,
        address(dx),
        parts,
        rows,
        channels,
        heap.constants,
        Number(withSwish),
      )
      run('sumParts', 1, channels, parts, address(dGamma), tasks, 2 * channels, channels, 0)
      const shiftParts = parts + 4 * channels
      run('sumParts', 1, channels, shiftParts, address(dBeta), tasks, 2 * channels, channels, 0)
      kernels.gradientTerms(
        factor,
        inverse,
        address(dGamma),
        address(dBeta),
        slopes,
        shifts,
        rows,
        channels,
        Number(throughStatistics),
      )
      run(
        'normaliseGradient',
        tasks,
        part,
        address(x),
        // With swish the gradient before the activation is in dx by now; it is overwritten element by element.
        address(withSwish ? dx : dy),
        address(mean),
        factor,
        slopes,
        shifts,
        address(dx),
        rows,
        channels,
      )
      return [dx, dGamma, dBeta]
    },
  )
}
