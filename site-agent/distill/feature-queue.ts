/**
 * @file The queue of teacher features that the student is told apart from: a ring of K rows, the oldest overwritten first.
 *
 * Source: He et al., CVPR 2020, section 3.2, https://arxiv.org/abs/1911.05722; the authors' `mem_moco.py`. The queue never leaves the site.
 */
import * as tf from '@tensorflow/tfjs-core'
import { createRandom } from '@tessera/shared/random'
import { assertShape } from './linear.ts'

/**
 * Returns K random rows of unit length, [K, C], row by row: what a study's queue holds before its first batch. Equal at every site.
 * @param seed Of the study.
 */
export function initialQueue(size: number, featureDim: number, seed: string): Float32Array {
  const random = createRandom(`${seed}/queue`)
  const rows = new Float32Array(size * featureDim)
  for (let start = 0; start < rows.length; start += featureDim) {
    const row = rows.subarray(start, start + featureDim)
    let squares = 0
    for (let c = 0; c < featureDim; c++) {
      const value = random.normal()
      row[c] = value
      squares += value * value
    }
    const norm = Math.max(Math.sqrt(squares), 1e-12)
    for (let c = 0; c < featureDim; c++) row[c] = (row[c] ?? 0) / norm
  }
  return rows
}

/**
 * Returns the queue with the batch's rows written at `index`, `index` + 1, …, going on at row 0 after the last.
 * @param queue [K, C], left as it is.
 * @param entering [B, C]. With more rows than the queue has, each slot ends with the last row that fell on it.
 * @param index In [0, K).
 * @throws {TensorShapeError} If `entering` is not as wide as the queue.
 */
export function enqueue(
  queue: tf.Tensor2D,
  entering: tf.Tensor2D,
  index: number,
): { queue: tf.Tensor2D; nextIndex: number } {
  const [K, C] = queue.shape
  const B = entering.shape[0]
  assertShape('entering', entering, [B, C])
  const nextIndex = (index + B) % K
  const moved = tf.tidy(() => {
    const kept = Math.min(B, K)
    const rows = tf.slice(entering, [B - kept, 0], [kept, C])
    const start = (index + B - kept) % K
    const atEnd = Math.min(kept, K - start)
    // Three runs of the ring: rows that wrapped to the front, old rows (before and after), rows from `start` on.
    const wrapped = kept - atEnd
    const pieces = [
      tf.slice(rows, [atEnd, 0], [wrapped, C]),
      tf.slice(queue, [wrapped, 0], [start - wrapped, C]),
      tf.slice(rows, [0, 0], [atEnd, C]),
      tf.slice(queue, [start + atEnd, 0], [K - start - atEnd, C]),
    ]
    return tf.concat(
      pieces.filter((piece) => piece.shape[0] > 0),
      0,
    )
  })
  return { queue: moved, nextIndex }
}
