import { describe, expect, test } from 'vitest'
import { learningRateAt } from '../../../site-agent/distill/learning-rate.ts'

const cosine = { schedule: 'cosine', learningRate: 0.05, stepEpochs: [] } as const

describe('learningRateAt()', () => {
  test('is half way between both ends in the middle of the study', () => {
    expect(learningRateAt(cosine, 30, 60)).toBeCloseTo((0.05 + 0.00005) / 2, 12)
  })

  test('ends at a thousandth', () => {
    expect(learningRateAt(cosine, 60, 60)).toBeCloseTo(0.00005, 12)
    expect(learningRateAt(cosine, 1, 1)).toBeCloseTo(0.00005, 12)
  })

  test('starts just below the base, for epochs count from 1', () => {
    // Python: eta_min = 0.05 * 0.1**3; eta_min + (0.05 - eta_min) * (1 + cos(pi / 60)) / 2
    expect(learningRateAt(cosine, 1, 60)).toBeCloseTo(0.04996577263049548, 15)
  })

  test('only falls', () => {
    const rates = Array.from({ length: 20 }, (_, i) => learningRateAt(cosine, i + 1, 20))
    expect(rates).toEqual(rates.toSorted((a, b) => b - a))
  })

  test('falls to a tenth after each step epoch', () => {
    const steps = { schedule: 'steps', learningRate: 0.05, stepEpochs: [30, 40, 60] } as const
    const rates = [1, 30, 31, 40, 41, 60, 61].map((epoch) => learningRateAt(steps, epoch, 60) / 0.05)
    for (const [i, want] of [1, 1, 0.1, 0.1, 0.01, 0.01, 0.001].entries())
      expect(rates[i]).toBeCloseTo(want, 12)
  })

  test('stays where it is when constant', () => {
    expect(learningRateAt({ schedule: 'constant', learningRate: 0.3, stepEpochs: [1] }, 7, 9)).toBe(0.3)
  })
})
