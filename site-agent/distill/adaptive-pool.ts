/**
 * @file Average pooling to a given size, as PyTorch's `adaptive_avg_pool2d`: cell i of n is the mean over positions ⌊i·L/n⌋ to ⌈(i+1)·L/n⌉ of L,
 * so cells overlap where n does not divide L.
 */
import * as tf from '@tensorflow/tfjs-core'

/** Averages x [B, H, W, C] to [B, size, size, C]. */
export function adaptiveAveragePool(x: tf.Tensor4D, size: number): tf.Tensor4D {
  const [B, H, W, C] = x.shape
  if (H === size && W === size) return x
  // Two thin matrix products: no back end here has a gradient of average pooling with uneven cells.
  return tf.tidy(() => {
    const columns = tf.reshape(tf.transpose(x, [0, 1, 3, 2]), [B * H * C, W])
    const narrow = tf.reshape(tf.matMul(columns, cells(W, size)), [B, H, C, size])
    const rows = tf.reshape(tf.transpose(narrow, [0, 3, 2, 1]), [B * size * C, H])
    const pooled: tf.Tensor4D = tf.reshape(tf.matMul(rows, cells(H, size)), [B, size, C, size])
    return tf.transpose<tf.Tensor4D>(pooled, [0, 3, 1, 2])
  })
}

/** [length, size]: share of each position in each cell. */
function cells(length: number, size: number): tf.Tensor2D {
  const shares = new Float32Array(length * size)
  for (let cell = 0; cell < size; cell++) {
    const [from, to] = [Math.floor((cell * length) / size), Math.ceil(((cell + 1) * length) / size)]
    for (let place = from; place < to; place++) shares[place * size + cell] = 1 / (to - from)
  }
  return tf.tensor2d(shares, [length, size])
}
