import { cappedWeights } from '@tessera/coordinator/aggregation'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

function shares(samples: readonly number[], maxShare: number): number[] {
  const weights = [
    ...cappedWeights(new Map(samples.map((count, i) => [`site-${i}`, count])), maxShare).values(),
  ]
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
}

const counts = fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 12 })
const cap = fc.double({ min: 0.01, max: 1, noNaN: true })
/** Sums of at most 12 float64 terms. */
const SLACK = 1e-12

describe('cappedWeights()', () => {
  test('leaves the samples as they are when nobody is above the cap', () => {
    const samples = new Map([
      ['a', 3],
      ['b', 2],
    ])
    expect(cappedWeights(samples, 1)).toEqual(samples)
    expect(cappedWeights(samples, 0.6)).toEqual(samples)
  })

  test('holds a large site at the cap, and the others share the rest by their samples', () => {
    const [large, ...rest] = shares([1000, 10, 5, 5], 0.4)
    expect(large).toBeCloseTo(0.4, 12)
    expect(rest.map((share) => share / 0.6)).toEqual([0.5, 0.25, 0.25].map((x) => expect.closeTo(x, 12)))
  })

  test('holds several', () => {
    expect(shares([1000, 900, 10], 0.4)).toEqual([0.4, 0.4, 0.2].map((x) => expect.closeTo(x, 12)))
  })

  test('weighs all the same where the cap cannot hold', () => {
    expect(shares([1000, 10], 0.3)).toEqual([0.5, 0.5])
    expect(shares([7], 0.3)).toEqual([1])
  })

  test('no share is above the cap, or above an equal one where that is larger', () => {
    fc.assert(
      fc.property(counts, cap, (samples, maxShare) => {
        const limit = Math.max(maxShare, 1 / samples.length)
        expect(Math.max(...shares(samples, maxShare))).toBeLessThanOrEqual(limit + SLACK)
      }),
    )
  })

  test('a site with more samples never weighs less, and nobody weighs more than its samples', () => {
    fc.assert(
      fc.property(counts, cap, (samples, maxShare) => {
        const weights = [...cappedWeights(new Map(samples.map((n, i) => [`${i}`, n])), maxShare).values()]
        const bySamples = samples.map((n, i) => [n, weights[i] ?? 0] as const).toSorted(([a], [b]) => a - b)
        for (const [i, [n, weight]] of bySamples.entries()) {
          expect(weight).toBeLessThanOrEqual(n)
          expect(weight).toBeGreaterThanOrEqual((bySamples[i - 1]?.[1] ?? 0) - SLACK)
        }
      }),
    )
  })

  test('a site that is already held cannot gain by claiming more', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2000, max: 1_000_000 }), (claim) => {
        expect(shares([claim, 10, 20, 30], 0.3)[0]).toBeCloseTo(0.3, 12)
      }),
    )
  })
})
