/**
 * @file The learning rate of an epoch.
 *
 *   cosine:  η(e) = η_min + (η₀ − η_min)·(1 + cos(π·e/E))/2,   η_min = η₀/1000
 *
 * e: epoch, 1 to E, counted over the whole study · E: rounds × epochs a round. Source: the authors' `helper/util.py:adjust_learning_rate`
 * with its decay rate of 0.1. Epochs count from 1 there, so η₀ itself is never used and the last epoch runs at η_min.
 */

export interface Schedule {
  readonly schedule: 'cosine' | 'constant'
  readonly learningRate: number
}

/** @param epoch 1 to `epochs`. @param epochs Of the whole study. */
export function learningRateAt({ schedule, learningRate }: Schedule, epoch: number, epochs: number): number {
  if (schedule === 'constant') return learningRate
  const least = learningRate * 0.1 ** 3
  return least + ((learningRate - least) * (1 + Math.cos((Math.PI * epoch) / epochs))) / 2
}
