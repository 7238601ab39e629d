import * as tf from '@tensorflow/tfjs-core'
import { hasKernel, OWN, runKernel } from '../kernels/names.ts'

/**
 * Returns the ring `queue` [K, C] with `rows` [B, C] written at `index`, `index` + 1, …, going on at row 0 after the last. With more rows than the
 * ring has, each slot ends with the last row that fell on it. No gradient flows through it; the arguments are left as they are.
 * @param index Scalar of int32, in [0, K). A tensor, so that a recorded step can be fed another one each time.
 */
export function enqueue(queue: tf.Tensor2D, rows: tf.Tensor2D, index: tf.Scalar): tf.Tensor2D {
  const [K, C] = queue.shape
  const [B] = rows.shape
  tf.util.assertShapesMatch(rows.shape, [B, C], 'enqueue, rows: ')
  tf.util.assertShapesMatch(index.shape, [], 'enqueue, index: ')
  tf.util.assert(index.dtype === 'int32', () => `enqueue, index: must be of int32, got ${index.dtype}`)
  if (hasKernel(OWN.enqueue)) return runKernel(OWN.enqueue, { queue, rows, index })[0] as tf.Tensor2D
  return tf.tidy(() => {
    const kept = Math.min(B, K)
    const last = tf.slice(rows, [B - kept, 0], [kept, C])
    const start = ((index.dataSync()[0] ?? 0) + B - kept) % K
    const atEnd = Math.min(kept, K - start)
    // Three runs of the ring: rows that wrapped to the front, old rows (before and after), rows from `start` on.
    const wrapped = kept - atEnd
    const pieces = [
      tf.slice(last, [atEnd, 0], [wrapped, C]),
      tf.slice(queue, [wrapped, 0], [start - wrapped, C]),
      tf.slice(last, [0, 0], [atEnd, C]),
      tf.slice(queue, [start + atEnd, 0], [K - start - atEnd, C]),
    ]
    return tf.concat(
      pieces.filter((piece) => piece.shape[0] > 0),
      0,
    )
  })
}
