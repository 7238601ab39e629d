/** @file Scores that need no more than counts, by their names, and the sum of what several places have counted. */
import type { ConfusionMatrix } from './confusion.ts'
import { accuracy, balancedAccuracy, macroF1, quadraticWeightedKappa } from './scores.ts'

/** Each is of one confusion matrix. */
export const COUNT_METRICS = { accuracy, balancedAccuracy, macroF1, quadraticWeightedKappa } as const
export type CountMetric = keyof typeof COUNT_METRICS

/** A confusion matrix of which some rows are not told. */
export type PartialCounts = readonly (readonly number[] | null)[]

/** Adds matrices of so many classes up. A row that is not told adds nothing: its class counts where it is told. */
export function sumCounts(matrices: Iterable<PartialCounts>, classes: number): ConfusionMatrix {
  const sum: ConfusionMatrix = Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0))
  for (const matrix of matrices) {
    for (const [i, row] of sum.entries()) {
      for (const [j, count] of (matrix[i] ?? []).entries()) row[j] = (row[j] ?? 0) + count
    }
  }
  return sum
}

/** Items that a matrix tells of. */
export function itemsOf(matrix: PartialCounts): number {
  return matrix.reduce((sum, row) => sum + (row ?? []).reduce((total, count) => total + count, 0), 0)
}
