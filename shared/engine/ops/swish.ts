import * as tf from '@tensorflow/tfjs-core'

/**
 * Returns x · σ(x) of each element, any shape.
 *
 * Source: Ramachandran, Zoph and Le, 2017, https://arxiv.org/abs/1710.05941
 */
export function swish<T extends tf.Tensor>(x: T): T {
  return tf.mul(x, tf.sigmoid(x))
}
