import { array, assert, integer, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { median, pairedRatio, rateOf, spreadOf } from '../../../../simulations/bench/contest/ratios.ts'

describe('median()', () => {
  test('is the middle value, or the mean of the two middle ones', () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([9, 1, 5, 2])).toBe(3.5)
    expect(median([7])).toBe(7)
  })
  test('does not hang on the order, and leaves its argument alone', () => {
    const values = [3, 1, 2]
    median(values)
    expect(values).toEqual([3, 1, 2])
    assert(
      property(array(integer(), { minLength: 1 }), (numbers) => {
        expect(median(numbers.toReversed())).toBe(median(numbers))
        expect(numbers.filter((n) => n < median(numbers)).length).toBeLessThanOrEqual(numbers.length / 2)
      }),
    )
  })
})

describe('rateOf()', () => {
  test('is items over the time of all steps, not the mean of the steps’ rates', () => {
    expect(rateOf([1, 3], 16)).toBe(8)
  })
})

describe('pairedRatio()', () => {
  test('compares within a round: a machine that slows down for both leaves the ratio', () => {
    expect(pairedRatio([20, 10, 2], [10, 5, 1])).toEqual({ median: 2, min: 2, max: 2 })
  })
  test('shows how far the rounds are apart', () => {
    expect(pairedRatio([10, 30, 20], [10, 10, 10])).toEqual({ median: 2, min: 1, max: 3 })
  })
})

describe('spreadOf()', () => {
  test('has the least and the greatest', () => {
    expect(spreadOf([4, 1, 3])).toEqual({ median: 3, min: 1, max: 4 })
  })
})
