import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { otsuThreshold } from '../../../../site-agent/data/wsi/otsu.ts'

/** Variance between two groups, from their definition. */
function between(counts: readonly number[], threshold: number): number {
  const values = counts.flatMap((count, level) => Array.from({ length: count }, () => level))
  const mean = (of: readonly number[]): number => of.reduce((sum, value) => sum + value, 0) / of.length
  const [low, high] = [values.filter((v) => v <= threshold), values.filter((v) => v > threshold)]
  if (low.length === 0 || high.length === 0) return 0
  return (low.length / values.length) * (high.length / values.length) * (mean(low) - mean(high)) ** 2
}

describe('otsuThreshold()', () => {
  test('parts two peaks at the end of the lower one', () => {
    expect(otsuThreshold([0, 5, 9, 4, 0, 0, 0, 3, 8, 2])).toBe(3)
  })
  test('is 0 for one level and for nothing', () => {
    expect(otsuThreshold([0, 0, 7, 0])).toBe(0)
    expect(otsuThreshold([])).toBe(0)
  })
  test('has the largest variance between the groups of all thresholds', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 2, maxLength: 12 }), (counts) => {
        const best = Math.max(...counts.map((_, threshold) => between(counts, threshold)))
        expect(between(counts, otsuThreshold(counts))).toBeCloseTo(best, 9)
      }),
    )
  })
})
