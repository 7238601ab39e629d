import * as tf from '@tensorflow/tfjs-core'

/** Returns x · s: each channel of `x` [B, H, W, C] by its image's factor in `s` [B, 1, 1, C] (squeeze and excitation). */
export function scaleChannels(x: tf.Tensor4D, s: tf.Tensor4D): tf.Tensor4D {
  return tf.mul(x, s)
}
