import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { visibleRows } from '../../../dashboard/components/visible-rows.ts'

describe('visibleRows()', () => {
  test('draws some tens of a thousand rows', () => {
    const { from, to } = visibleRows(1000, 40, { scrollTop: 20_000, height: 600 })
    expect([from, to]).toEqual([490, 525])
  })
  test('begins at the first and ends at the last', () => {
    expect(visibleRows(1000, 40, { scrollTop: 0, height: 600 })).toEqual({ from: 0, to: 25 })
    expect(visibleRows(1000, 40, { scrollTop: 40_000, height: 600 }).to).toBe(1000)
  })
  test('covers all that is in sight, and names no row that is not there', () => {
    fc.assert(
      fc.property(
        fc.nat(2000),
        fc.nat(100_000),
        fc.integer({ min: 1, max: 2000 }),
        (count, scrollTop, height) => {
          const { from, to } = visibleRows(count, 40, { scrollTop, height })
          expect(from).toBeGreaterThanOrEqual(0)
          expect(to).toBeLessThanOrEqual(count)
          const first = Math.floor(scrollTop / 40)
          const last = Math.min(count, Math.ceil((scrollTop + height) / 40))
          if (first >= count) return
          expect(from).toBeLessThanOrEqual(first)
          expect(to).toBeGreaterThanOrEqual(last)
        },
      ),
    )
  })
})
