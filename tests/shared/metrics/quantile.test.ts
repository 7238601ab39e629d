import { quantile } from '@tessera/shared/metrics'
import { expect, test } from 'vitest'

test('lies on the straight lines between the sorted values, as numpy.quantile', () => {
  const sorted = [1, 2, 4, 8]
  expect([0, 0.25, 0.5, 0.75, 1].map((share) => quantile(sorted, share))).toEqual([1, 1.75, 3, 5, 8])
})

test('of one value is that value, of none it is no number', () => {
  expect(quantile(new Float64Array([3]), 0.3)).toBe(3)
  expect(quantile([], 0.5)).toBeNaN()
})
