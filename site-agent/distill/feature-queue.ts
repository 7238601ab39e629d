/**
 * @file The queue of teacher features that the student is told apart from: a ring of K rows, the oldest overwritten first (`enqueue` of
 * shared/engine moves it on).
 *
 * Source: He et al., CVPR 2020, section 3.2, https://arxiv.org/abs/1911.05722; the authors' `mem_moco.py`. The queue never leaves the site.
 */
import { createRandom } from '@tessera/shared/random'

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
