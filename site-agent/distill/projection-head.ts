/**
 * @file The projection head: backbone features to unit vectors of width C.
 *
 *   head(x) = h / max(‖h‖₂, 10⁻¹²),   h = W₂·relu(W₁·x + b₁) + b₂
 *
 * Source: Vuong and Kwak, https://arxiv.org/abs/2308.16561; the authors' `criterion_moco_att.py`, head `mlp`.
 */
import * as tf from '@tensorflow/tfjs-core'
import { TensorShapeError } from '@tessera/shared/errors'
import { assertShape, type Linear, linear, linearOf } from './linear.ts'
import type { NamedTensors } from './tensor-map.ts'
import { unitRows } from './unit-rows.ts'

export interface ProjectionHead {
  readonly fc1: Linear // [D, D]
  readonly fc2: Linear // [C, D]
}

/**
 * @param features [B, D], after global average pooling.
 * @returns [B, C], rows of unit length; a row of zeros stays zero.
 * @throws {TensorShapeError} If `features` is not as wide as the head.
 */
export function projectionHead(features: tf.Tensor2D, { fc1, fc2 }: ProjectionHead): tf.Tensor2D {
  const [B, D] = features.shape
  if (D !== fc1.weight.shape[1])
    throw new TensorShapeError('features', [B, fc1.weight.shape[1]], features.shape)
  return tf.tidy(() => {
    const hidden = tf.relu(linear(features, fc1))
    return unitRows(linear(hidden, fc2))
  })
}

/**
 * Picks a head, `<name>.fc1` and `<name>.fc2`.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH if a tensor is missing; {TensorShapeError} if the two do not fit.
 */
export function projectionHeadOf(tensors: NamedTensors, name: string): ProjectionHead {
  const head = { fc1: linearOf(tensors, `${name}.fc1`), fc2: linearOf(tensors, `${name}.fc2`) }
  assertShape(`${name}.fc2.weight`, head.fc2.weight, [head.fc2.weight.shape[0], head.fc1.weight.shape[0]])
  return head
}
