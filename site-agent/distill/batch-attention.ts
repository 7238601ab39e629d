/**
 * @file Multi-head self-attention over the batch: each tile is a token and looks at every other tile of the batch.
 *
 *   head h:  softmax(Qₕ·Kₕᵀ · (C/heads)^−½) · Vₕ,   output: concat over heads · Wᵀ + b
 *
 * Q, K, V: thirds of qkv(x), in that order; head h owns columns h·C/heads … (h+1)·C/heads of each.
 * Source: Vaswani et al., 2017, section 3.2, https://arxiv.org/abs/1706.03762; the authors' `criterion_moco_att.py`, class `Attention`.
 * Rows are not brought back to unit length afterwards: the published code does not either.
 */
import * as tf from '@tensorflow/tfjs-core'
import { TensorShapeError, TesseraError } from '@tessera/shared/errors'
import { assertShape, type Linear, linear, linearOf } from './linear.ts'
import type { NamedTensors } from './tensor-map.ts'

export interface BatchAttention {
  readonly qkv: Linear // [3C, C]
  readonly proj: Linear // [C, C]
}

/**
 * @param tokens [B, C].
 * @param heads Must divide C; MoMA has 4.
 * @returns [B, C]. The order of the tiles moves with them: attention(permuted) = permuted attention.
 * @throws {TensorShapeError} If `tokens` does not fit; {TesseraError} ERR_TENSOR_SHAPE if `heads` does not divide C.
 */
export function batchAttention(
  tokens: tf.Tensor2D,
  { qkv, proj }: BatchAttention,
  heads: number,
): tf.Tensor2D {
  const [B, C] = tokens.shape
  if (C !== qkv.weight.shape[1]) throw new TensorShapeError('tokens', [B, qkv.weight.shape[1]], tokens.shape)
  if (C % heads !== 0) {
    throw new TesseraError(
      'ERR_TENSOR_SHAPE',
      `feature width must be a multiple of the ${heads} heads, got ${C}`,
    )
  }
  const width = C / heads
  return tf.tidy(() => {
    const parts = tf.transpose(tf.reshape(linear(tokens, qkv), [B, 3, heads, width]), [1, 2, 0, 3])
    const [query, key, value] = tf.unstack(parts) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D] // [heads, B, width]
    const scores = tf.mul(tf.matMul(query, key, false, true), width ** -0.5) // [heads, B, B]
    const mixed = tf.matMul(tf.softmax(scores), value) // [heads, B, width]
    return linear(tf.reshape(tf.transpose(mixed, [1, 0, 2]), [B, C]), proj)
  })
}

/**
 * Picks an attention, `<name>.qkv` and `<name>.proj`.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH if a tensor is missing; {TensorShapeError} if the two do not fit.
 */
export function batchAttentionOf(tensors: NamedTensors, name: string): BatchAttention {
  const attention = { qkv: linearOf(tensors, `${name}.qkv`), proj: linearOf(tensors, `${name}.proj`) }
  const C = attention.proj.weight.shape[0]
  assertShape(`${name}.proj.weight`, attention.proj.weight, [C, C])
  assertShape(`${name}.qkv.weight`, attention.qkv.weight, [3 * C, C])
  return attention
}
