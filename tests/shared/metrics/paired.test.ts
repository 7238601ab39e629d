import { holm, pairedT, signedRanks } from '@tessera/shared/metrics'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { expectClose } from '../../support/close.ts'

const pairs = fc
  .array(fc.tuple(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -3, max: 3 })), {
    minLength: 1,
    maxLength: 9,
  })
  .map((rows) => ({ a: rows.map(([a]) => a), b: rows.map(([, b]) => b) }))

/** The definition: all ways to give the differences their signs. */
function bySigns(a: readonly number[], b: readonly number[]): number {
  const sizes = a.map((value, i) => Math.abs(value - (b[i] ?? 0)))
  const kept = a.flatMap((_, i) => (sizes[i] === 0 ? [] : [i]))
  const rank = (i: number): number => {
    const smaller = kept.filter((j) => (sizes[j] ?? 0) < (sizes[i] ?? 0)).length
    return smaller + (kept.filter((j) => sizes[j] === sizes[i]).length + 1) / 2
  }
  const ranks = kept.map(rank)
  const total = ranks.reduce((sum, r) => sum + r, 0)
  const plus = kept.reduce((sum, i, k) => sum + ((a[i] ?? 0) > (b[i] ?? 0) ? (ranks[k] ?? 0) : 0), 0)
  const far = Math.abs(plus - total / 2)
  let asFar = 0
  for (let signs = 0; signs < 2 ** kept.length; signs++) {
    const sum = ranks.reduce((all, r, k) => all + (signs & (1 << k) ? r : 0), 0)
    if (Math.abs(sum - total / 2) >= far) asFar++
  }
  return kept.length === 0 ? Number.NaN : asFar / 2 ** kept.length
}

describe('signedRanks()', () => {
  test('counts sign patterns, with ties and without differences too', () => {
    fc.assert(fc.property(pairs, ({ a, b }) => expectClose(signedRanks(a, b).p, bySigns(a, b), 12)))
  })
  test('cannot be sure of three pairs', () => {
    expect(signedRanks([3, 4, 6], [1, 1, 1]).p).toBe(0.25)
  })
})

describe('pairedT()', () => {
  test('says nothing of one pair, or of pairs that all differ alike', () => {
    expect(pairedT([1], [0]).p).toBeNaN()
    expect(pairedT([1, 2], [0, 1]).p).toBeNaN()
  })
  test('the sides change the sign alone', () => {
    fc.assert(
      fc.property(pairs, ({ a, b }) => {
        const [one, other] = [pairedT(a, b), pairedT(b, a)]
        expectClose(one.p, other.p, 15)
        expect(one.difference).toBeCloseTo(-other.difference, 12)
      }),
    )
  })
  test('refuses scores that are no pairs', () => {
    expect(() => pairedT([1, 2], [1])).toThrow(expect.objectContaining({ code: 'ERR_INTERNAL' }))
  })
})

describe('holm()', () => {
  test('never falls below a value or changes the order, and leaves out what says nothing', () => {
    const values = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 })
    fc.assert(
      fc.property(values, (p) => {
        const adjusted = holm([...p, Number.NaN])
        expect(adjusted.pop()).toBeNaN()
        for (const [i, value] of p.entries()) {
          expect(adjusted[i]).toBeGreaterThanOrEqual(value)
          expect(adjusted[i]).toBeLessThanOrEqual(Math.min(1, value * p.length))
        }
      }),
    )
  })
})
