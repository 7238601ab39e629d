import * as tf from '@tensorflow/tfjs-core'

/** Returns the mean over height and width: `x` [B, H, W, C] gives [B, C]. */
export function globalAveragePool(x: tf.Tensor4D): tf.Tensor2D {
  return tf.mean(x, [1, 2])
}
