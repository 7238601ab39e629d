/** @file What a classifier does with each class, from its confusion matrix. */
import { type ConfusionMatrix, marginals } from './confusion.ts'

export interface ClassScores {
  /** nᵢᵢ / pᵢ; NaN when the class is never called. */
  readonly precision: number
  /** nᵢᵢ / tᵢ; NaN when the class has no items. */
  readonly recall: number
  /** 2nᵢᵢ / (tᵢ + pᵢ); NaN when it is neither in the truth nor called. */
  readonly f1: number
  /** tᵢ: its items. */
  readonly support: number
}

/** One a class, in the order of the classes. nᵢⱼ: items of class i called j · tᵢ: items of class i · pᵢ: items called i. */
export function classScores(matrix: ConfusionMatrix): ClassScores[] {
  const { truth, predicted, correct } = marginals(matrix)
  return correct.map((right, i) => {
    const [support, called] = [truth[i] ?? 0, predicted[i] ?? 0]
    return {
      precision: right / called,
      recall: right / support,
      f1: (2 * right) / (support + called),
      support,
    }
  })
}
