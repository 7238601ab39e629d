/** @file Rows brought to unit length, as PyTorch's `F.normalize` does. */
import * as tf from '@tensorflow/tfjs-core'

/** PyTorch divides by at least this. */
const LEAST_NORM = 1e-12

/** Returns x / max(‖x‖₂, 10⁻¹²) along the last axis; a row of zeros stays zero, and its gradient finite. */
export function unitRows<T extends tf.Tensor>(x: T): T {
  return tf.tidy(() => {
    const squares = tf.sum(tf.square(x), -1, true)
    // The floor is under the root: the root's own slope at 0 is infinite and would turn the gradient of a zero row into NaN.
    return tf.div<T>(x, tf.sqrt(tf.maximum(squares, LEAST_NORM ** 2)))
  })
}
