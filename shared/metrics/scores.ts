/**
 * @file Scores of a classifier from its confusion matrix. Each is NaN for a matrix without items.
 *
 * nᵢⱼ: items of class i called j · tᵢ: items of class i · pⱼ: items called j · n: all items · K: classes.
 */
import { type ConfusionMatrix, marginals } from './confusion.ts'

/** Share of items given their true class: Σᵢ nᵢᵢ / n. */
export function accuracy(matrix: ConfusionMatrix): number {
  const { correct, total } = marginals(matrix)
  return sum(correct) / total
}

/**
 * Mean over classes of F₁ = 2nᵢᵢ / (tᵢ + pᵢ). A class that is neither in the truth nor among the predictions has no F₁ and is left
 * out, as scikit-learn's `f1_score(average='macro')` does when no `labels` are given; one that is in either counts, with 0 when never right.
 */
export function macroF1(matrix: ConfusionMatrix): number {
  const { truth, predicted, correct } = marginals(matrix)
  const scores = correct.flatMap((right, i) => {
    const either = (truth[i] ?? 0) + (predicted[i] ?? 0)
    return either === 0 ? [] : [(2 * right) / either]
  })
  return mean(scores)
}

/** Mean recall nᵢᵢ / tᵢ over the classes that the truth has. */
export function balancedAccuracy(matrix: ConfusionMatrix): number {
  const { truth, correct } = marginals(matrix)
  const recalls = correct.flatMap((right, i) => {
    const items = truth[i] ?? 0
    return items === 0 ? [] : [right / items]
  })
  return mean(recalls)
}

/**
 * Cohen's kappa with quadratic weights, for ordered classes: 1 − Σ wᵢⱼnᵢⱼ / Σ wᵢⱼtᵢpⱼ/n with wᵢⱼ = (i − j)².
 * 1 when all is right, 0 for agreement by chance, negative below it. 1 when the truth and the predictions are all one and the same class,
 * where the quotient is 0/0. For two classes it is Cohen's plain kappa.
 *
 * Source: Cohen, Psychological Bulletin 70(4), 1968.
 */
export function quadraticWeightedKappa(matrix: ConfusionMatrix): number {
  const { truth, predicted, total } = marginals(matrix)
  if (total === 0) return Number.NaN
  let observed = 0
  let expected = 0
  for (const [i, row] of matrix.entries()) {
    for (const [j, count] of row.entries()) {
      const weight = (i - j) ** 2
      observed += weight * count
      expected += (weight * (truth[i] ?? 0) * (predicted[j] ?? 0)) / total
    }
  }
  return expected === 0 ? 1 : 1 - observed / expected
}

const sum = (values: readonly number[]): number => values.reduce((total, x) => total + x, 0)
const mean = (values: readonly number[]): number => sum(values) / values.length
