/** @file The confusion matrix, from which every metric of a classifier here is computed. */
import { TesseraError } from '../errors.ts'

/** Counts: rows are the true class, columns the predicted class. Square. */
export type ConfusionMatrix = number[][]

/** Class indices, one an item, in [0, classes). */
export type ClassIndices = Int32Array | readonly number[]

/**
 * Counts predictions by their true class.
 * @throws {TesseraError} ERR_INTERNAL when the lengths differ or an index is outside [0, classes).
 */
export function confusionMatrix(
  truth: ClassIndices,
  predicted: ClassIndices,
  classes: number,
): ConfusionMatrix {
  if (truth.length !== predicted.length) {
    throw new TesseraError(
      'ERR_INTERNAL',
      `internal: predicted must have ${truth.length} items, got ${predicted.length}`,
    )
  }
  const matrix: ConfusionMatrix = Array.from({ length: classes }, () =>
    Array.from({ length: classes }, () => 0),
  )
  for (let i = 0; i < truth.length; i++) {
    const row = matrix[truth[i] ?? -1]
    const column = predicted[i] ?? -1
    const count = row?.[column]
    if (row === undefined || count === undefined) {
      throw new TesseraError(
        'ERR_INTERNAL',
        `internal: class index must be in [0, ${classes}), got ${truth[i]} and ${predicted[i]}`,
      )
    }
    row[column] = count + 1
  }
  return matrix
}

/** Sums of a matrix: by true class, by predicted class, its diagonal, and all. */
export function marginals(matrix: ConfusionMatrix): {
  truth: number[]
  predicted: number[]
  correct: number[]
  total: number
} {
  const truth = matrix.map((row) => row.reduce((sum, n) => sum + n, 0))
  const predicted = matrix.map((_, j) => matrix.reduce((sum, row) => sum + (row[j] ?? 0), 0))
  const correct = matrix.map((row, i) => row[i] ?? 0)
  return { truth, predicted, correct, total: truth.reduce((sum, n) => sum + n, 0) }
}
