/**
 * @file Area under the ROC curve, by ranks: the share of pairs, one of the class and one not, in which the one of the class has the higher score;
 * a tie counts half.
 *
 * Source: Hanley and McNeil, Radiology 143(1), 1982; Mann and Whitney, 1947.
 */
import { assertTable, type Probabilities } from './probabilities.ts'

/** Of one class against the rest, in [0, 1]; NaN when all items are of the class, or none. */
export function auroc(positive: readonly boolean[], scores: readonly number[]): number {
  const positives = positive.reduce((count, is) => count + Number(is), 0)
  const negatives = positive.length - positives
  const ranks = midranks(scores)
  const sum = ranks.reduce((total, rank, i) => total + (positive[i] ? rank : 0), 0)
  return (sum - (positives * (positives + 1)) / 2) / (positives * negatives)
}

/**
 * For two classes, that of the second; for more, the mean of each class against the rest, over the classes that have items and lack some
 * (scikit-learn's `multi_class='ovr', average='macro'` when all classes are there). NaN when none is.
 * @throws {TesseraError} ERR_INTERNAL when truth and probabilities do not fit.
 */
export function macroAuroc(probabilities: Probabilities): number {
  assertTable(probabilities)
  const { truth, values, classes } = probabilities
  const of = (k: number): number =>
    auroc(
      Array.from(truth, (label) => label === k),
      Array.from(truth, (_, i) => values[i * classes + k] ?? Number.NaN),
    )
  if (classes === 2) return of(1)
  const areas = Array.from({ length: classes }, (_, k) => of(k)).filter((area) => !Number.isNaN(area))
  return areas.reduce((sum, area) => sum + area, 0) / areas.length
}

/** Ranks from 1; equal values share the mean of theirs. */
export function midranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).toSorted((a, b) => (values[a] ?? 0) - (values[b] ?? 0))
  const ranks = values.map(() => 0)
  for (let from = 0; from < order.length; ) {
    let to = from
    while (to < order.length && values[order[to] ?? 0] === values[order[from] ?? 0]) to++
    for (const i of order.slice(from, to)) ranks[i] = (from + 1 + to) / 2
    from = to
  }
  return ranks
}
