/** @file The linear layer, and how layers are picked out of a parameter map. */
import * as tf from '@tensorflow/tfjs-core'
import { TensorShapeError } from '@tessera/shared/errors'
import { type NamedTensors, tensorOf } from './tensor-map.ts'

/** y = x·Wᵀ + b, PyTorch's order of elements. */
export interface Linear {
  readonly weight: tf.Tensor2D // [outputs, inputs]
  readonly bias: tf.Tensor1D // [outputs]
}

/** Returns x·Wᵀ + b, [B, outputs] from [B, inputs]. */
export function linear(x: tf.Tensor2D, { weight, bias }: Linear): tf.Tensor2D {
  return tf.add(tf.matMul(x, weight, false, true), bias)
}

/**
 * Picks `<name>.weight` and `<name>.bias`.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH if one is missing; {TensorShapeError} if they do not fit one another.
 */
export function linearOf(tensors: NamedTensors, name: string): Linear {
  const weight = tensorOf(tensors, `${name}.weight`)
  const bias = tensorOf(tensors, `${name}.bias`)
  if (weight.shape.length !== 2)
    throw new TensorShapeError(`${name}.weight`, ['outputs', 'inputs'], weight.shape)
  assertShape(`${name}.bias`, bias, [weight.shape[0] ?? 0])
  return { weight: weight as tf.Tensor2D, bias: bias as tf.Tensor1D }
}

/** Throws a {@link TensorShapeError} unless `tensor` has exactly `shape`. */
export function assertShape(role: string, tensor: tf.Tensor, shape: readonly number[]): void {
  const fits =
    tensor.shape.length === shape.length && shape.every((size, axis) => tensor.shape[axis] === size)
  if (!fits) throw new TensorShapeError(role, shape, tensor.shape)
}
