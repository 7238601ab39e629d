/**
 * @file The learning rate of an epoch.
 *
 *   cosine:  η(e) = η_min + (η₀ − η_min)·(1 + cos(π·e/E))/2,   η_min = η₀/1000
 *   steps:   η(e) = η₀·0.1^s,   s: how many of the step epochs e is beyond
 *
 * e: epoch, 1 to E, counted over the whole study · E: rounds × epochs a round. Source: the authors' `helper/util.py:adjust_learning_rate`
 * with its decay rate of 0.1. Epochs count from 1 there, so η₀ itself is never used and the last epoch runs at η_min.
 */

const DECAY = 0.1

export interface Schedule {
  readonly schedule: 'cosine' | 'constant' | 'steps'
  readonly learningRate: number
  /** Of `steps`: epochs after each of which the rate falls to a tenth. */
  readonly stepEpochs: readonly number[]
}

/** @param epoch 1 to `epochs`. @param epochs Of the whole study. */
export function learningRateAt(
  { schedule, learningRate, stepEpochs }: Schedule,
  epoch: number,
  epochs: number,
): number {
  if (schedule === 'constant') return learningRate
  if (schedule === 'steps') return learningRate * DECAY ** stepEpochs.filter((step) => epoch > step).length
  const least = learningRate * DECAY ** 3
  return least + ((learningRate - least) * (1 + Math.cos((Math.PI * epoch) / epochs))) / 2
}
