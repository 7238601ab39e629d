import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decimate } from '../../../dashboard/components/decimate.ts'

const curve = fc.array(fc.option(fc.double({ noNaN: true, min: -1e6, max: 1e6 })), {
  minLength: 3,
  maxLength: 400,
})

describe('decimate()', () => {
  test('keeps every point of a short curve', () => {
    expect(decimate([[1, 2, 3]], 3, 10)).toEqual([0, 1, 2])
  })
  test('keeps first, last, the least and the greatest of a long one', () => {
    fc.assert(
      fc.property(curve, fc.integer({ min: 4, max: 50 }), (values, most) => {
        const kept = decimate([values], values.length, most)
        const shown = kept.map((i) => values[i] ?? null)
        const known = (all: readonly (number | null)[]): number[] => all.filter((value) => value !== null)
        expect(kept[0]).toBe(0)
        expect(kept.at(-1)).toBe(values.length - 1)
        expect(Math.max(...known(shown))).toBe(Math.max(...known(values)))
        expect(Math.min(...known(shown))).toBe(Math.min(...known(values)))
      }),
    )
  })
  test('is ascending without repeats, and near the wanted number', () => {
    fc.assert(
      fc.property(curve, fc.integer({ min: 4, max: 50 }), (values, most) => {
        const kept = decimate([values], values.length, most)
        expect(kept).toEqual([...new Set(kept)].toSorted((a, b) => a - b))
        expect(kept.length).toBeLessThanOrEqual(most + 2)
      }),
    )
  })
  test('keeps a single peak among 5,000 rounds', () => {
    const values = Array.from({ length: 5000 }, (_, i) => (i === 3333 ? 9 : 0.5))
    expect(decimate([values], 5000, 400)).toContain(3333)
  })
})
