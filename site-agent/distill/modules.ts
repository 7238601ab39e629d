/**
 * @file Modules that a method trains beside the student and that only training needs: regressors, embeddings. They never leave the site
 * (docs/decisions/0019-modules-of-training-stay-at-the-site.md).
 *
 * Weights are PyTorch's of a new layer: convolutions and linear layers uniform in ±1/√inputs, norms 1 and 0. Norms go by the batch's
 * statistics and gather none, for nothing here is ever used for prediction; what comes before a norm has no bias, which it would take away.
 */
import * as tf from '@tensorflow/tfjs-core'
import { batchNormTrain, type TensorMap } from '@tessera/shared/engine'
import { elementCount, type TensorSpec, type Weights } from '@tessera/shared/model'
import { createRandom } from '@tessera/shared/random'
import { tensorOf } from './tensor-map.ts'

/** A tensor and how it starts: one number throughout, or drawn evenly from ±`within`. */
export interface ModuleTensor {
  readonly spec: TensorSpec
  readonly initial: { readonly all: number } | { readonly within: number }
}

/** PyTorch's default. */
const EPSILON = 1e-5

/** A convolution's tensor: `<name>.weight` [outputs, inputs, kernel, kernel]. */
export function convolutionTensors(
  name: string,
  inputs: number,
  outputs: number,
  kernel: number,
): ModuleTensor[] {
  const within = 1 / Math.sqrt(inputs * kernel ** 2)
  return [{ spec: trainable(`${name}.weight`, outputs, inputs, kernel, kernel), initial: { within } }]
}

/** A batch norm's: `<name>.weight` and `.bias` [channels]. */
export function normTensors(name: string, channels: number): ModuleTensor[] {
  return [filledTensor(`${name}.weight`, channels, 1), filledTensor(`${name}.bias`, channels, 0)]
}

/** A linear layer's: `<name>.weight` [outputs, inputs] and `.bias` [outputs]; linear.ts computes it. */
export function linearTensors(name: string, inputs: number, outputs: number): ModuleTensor[] {
  const initial = { within: 1 / Math.sqrt(inputs) }
  return [
    { spec: trainable(`${name}.weight`, outputs, inputs), initial },
    { spec: trainable(`${name}.bias`, outputs), initial },
  ]
}

/** A vector that starts as `value` throughout. */
export function filledTensor(name: string, length: number, value: number): ModuleTensor {
  return { spec: trainable(name, length), initial: { all: value } }
}

/** Values at the start, in PyTorch's element order. Each tensor has a stream of its own name, so that all sites start alike. */
export function initialModules(tensors: readonly ModuleTensor[], seed: string): Weights {
  return new Map(
    tensors.map(({ spec, initial }) => {
      const values = new Float32Array(elementCount(spec.shape))
      if ('all' in initial) return [spec.name, values.fill(initial.all)]
      const random = createRandom(`${seed}/${spec.name}`)
      return [spec.name, values.map(() => random.uniform(-initial.within, initial.within))]
    }),
  )
}

/** The convolution `<name>` of x [B, H, W, inputs], which keeps height and width. */
export function convolved(tensors: TensorMap, name: string, x: tf.Tensor4D): tf.Tensor4D {
  const filter = tensorOf(tensors, `${name}.weight`) as tf.Tensor4D
  return tf.conv2d(x, filter, 1, (filter.shape[0] - 1) / 2)
}

/** The batch norm `<name>` of x [B, H, W, channels]. */
export function normalised(tensors: TensorMap, name: string, x: tf.Tensor4D): tf.Tensor4D {
  const [gamma, beta] = [`${name}.weight`, `${name}.bias`].map(
    (part) => tensorOf(tensors, part) as tf.Tensor1D,
  ) as [tf.Tensor1D, tf.Tensor1D]
  return batchNormTrain(x, gamma, beta, EPSILON, 'none').y
}

function trainable(name: string, ...shape: number[]): TensorSpec {
  return { name, shape, kind: 'trainable' }
}
