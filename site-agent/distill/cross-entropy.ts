/**
 * @file Cross-entropy of the student's logits against the labels:  −(1/B) Σᵢ log softmax(zᵢ)[yᵢ].
 */
import * as tf from '@tensorflow/tfjs-core'
import { assertShape } from './linear.ts'

/**
 * @param logits [B, N].
 * @param labels [B], int32, in [0, N).
 * @returns Mean over the batch, in nats; log N when nothing is told apart.
 * @throws {TensorShapeError} If `labels` is not [B].
 */
export function crossEntropy(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  const [B, N] = logits.shape
  assertShape('labels', labels, [B])
  return tf.tidy(() => {
    // Cast afterwards: the wasm kernel writes integers whatever dtype it is asked for.
    const chosen = tf.sum(tf.mul(logits, tf.cast(tf.oneHot(labels, N), 'float32')), 1) // [B]
    return tf.mean<tf.Scalar>(tf.sub(tf.logSumExp(logits, 1), chosen))
  })
}
