import { meanInterval } from '@tessera/shared/metrics'
import { describe, expect, test } from 'vitest'

describe('meanInterval()', () => {
  // Quantiles 12.7062, 4.3027 and 2.7764 of any table of Student's t, for 1, 2 and 4 degrees of freedom.
  test.each([
    [[0, 2], 12.706204736],
    [[1, 2, 3], 4.30265273 / Math.sqrt(3)],
    [[1, 2, 3, 4, 5], (2.776445105 * Math.sqrt(2.5)) / Math.sqrt(5)],
  ])('of %j reaches %d to each side of its mean', (values, reach) => {
    const { mean, low, high } = meanInterval(values)
    expect(mean).toBe(values.reduce((sum, x) => sum + x, 0) / values.length)
    expect(high - mean).toBeCloseTo(reach, 7)
    expect(mean - low).toBeCloseTo(reach, 7)
  })
  test('is narrower at a lower level', () => {
    const { mean, high } = meanInterval([1, 2, 3], 0.9)
    expect(high - mean).toBeCloseTo(2.91998558 / Math.sqrt(3), 7)
  })
  test('is a point where all values are equal, and nothing for one value', () => {
    expect(meanInterval([0.5, 0.5, 0.5])).toEqual({ mean: 0.5, low: 0.5, high: 0.5 })
    expect(meanInterval([0.5])).toEqual({ mean: 0.5, low: Number.NaN, high: Number.NaN })
  })
})
