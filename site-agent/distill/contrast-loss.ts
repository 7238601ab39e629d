/**
 * @file MoMA's contrastive term: InfoNCE between attended student and teacher features.
 *
 *   L = −(1/B) Σᵢ log( e^(qᵢ·kᵢ/τ) / ( e^(qᵢ·kᵢ/τ) + Σⱼ e^(qᵢ·mⱼ/τ) ) )
 *
 * B: tiles in the batch · C: feature width · K: queue length · τ: temperature.
 * Source: Vuong and Kwak, 2023, https://arxiv.org/abs/2308.16561. The queue is moved on by feature-queue.ts, not here: the loss sees
 * it as it was before this batch.
 */
import * as tf from '@tensorflow/tfjs-core'
import { logSumExp } from '@tessera/shared/engine'
import { assertShape } from './linear.ts'

/** Rows as attention leaves them: of unit length before it, not after. */
export interface ContrastFeatures {
  readonly query: tf.Tensor2D // [B, C] student features after attention
  readonly key: tf.Tensor2D // [B, C] teacher features of the same tiles after attention
  /** [K, C] teacher features of earlier batches; null: the keys of the batch's other tiles stand in for them. */
  readonly queue: tf.Tensor2D | null
}

/** Taken from what is not to count: far beyond any similarity, and e to it is 0. */
const NEVER = 1e9

/**
 * Returns the similarities over τ, [B, 1+K]: the tile's own key first, then the queue in its order. Without a queue [B, 1+B]: the batch's
 * keys, the tile's own so far below that it adds nothing (SimCLR's negatives: Chen et al., ICML 2020, https://arxiv.org/abs/2002.05709).
 * @param temperature τ > 0; MoMA trains with 0.15.
 * @throws {TensorShapeError} If `key` or `queue` does not fit `query`.
 */
export function contrastLogits({ query, key, queue }: ContrastFeatures, temperature: number): tf.Tensor2D {
  const [B, C] = query.shape
  assertShape('key', key, [B, C])
  if (queue) assertShape('queue', queue, [queue.shape[0], C])
  return tf.tidy(() => {
    const positive = tf.sum<tf.Tensor2D>(tf.mul(query, key), 1, true) // [B, 1]
    const negative = queue
      ? tf.matMul(query, queue, false, true) // [B, K]
      : tf.sub<tf.Tensor2D>(tf.matMul(query, key, false, true), tf.mul(tf.eye(B), NEVER)) // [B, B]
    return tf.div<tf.Tensor2D>(tf.concat([positive, negative], 1), temperature)
  })
}

/**
 * @param logits Of {@link contrastLogits}, [B, 1+K].
 * @returns Mean over the batch, in nats; log(1 + K) when nothing is told apart.
 */
export function contrastLoss(logits: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => {
    const own = tf.slice(logits, [0, 0], [logits.shape[0], 1]) // [B, 1]
    return tf.mean<tf.Scalar>(tf.sub(logSumExp(logits), own))
  })
}
