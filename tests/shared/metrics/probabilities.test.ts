import {
  auroc,
  bootstrapItems,
  calibrationBins,
  expectedCalibrationError,
  macroAuroc,
} from '@tessera/shared/metrics'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { expectClose } from '../../support/close.ts'

const scored = fc.array(fc.record({ is: fc.boolean(), score: fc.integer({ min: 0, max: 5 }) }), {
  maxLength: 30,
})

describe('auroc()', () => {
  test('is the share of pairs in the right order, a tie counting half', () => {
    fc.assert(
      fc.property(scored, (items) => {
        const [yes, no] = [items.filter(({ is }) => is), items.filter(({ is }) => !is)]
        let right = 0
        for (const a of yes)
          for (const b of no) right += a.score > b.score ? 1 : a.score === b.score ? 0.5 : 0
        const is = items.map((item) => item.is)
        const scores = items.map(({ score }) => score)
        expectClose(auroc(is, scores), right / (yes.length * no.length), 12)
      }),
    )
  })
  test('is NaN for items of one class', () => {
    expect(auroc([true, true], [0.1, 0.2])).toBeNaN()
    expect(macroAuroc({ truth: [1, 1], values: [0.5, 0.5, 0.5, 0.5], classes: 2 })).toBeNaN()
  })
  test('refuses a table without a row for each item, and a label without a column', () => {
    const refused = expect.objectContaining({ code: 'ERR_INTERNAL' })
    expect(() => macroAuroc({ truth: [0, 1], values: [1, 0, 0], classes: 2 })).toThrow(refused)
    expect(() => macroAuroc({ truth: [0, 2], values: [1, 0, 0, 1], classes: 2 })).toThrow(refused)
  })
})

describe('calibration', () => {
  test('a classifier that is always sure and half right is off by a half', () => {
    expect(expectedCalibrationError({ truth: [0, 1], values: [1, 0, 1, 0], classes: 2 })).toBe(0.5)
  })
  test('one that is right as often as it says has no error', () => {
    const table = {
      truth: [0, 0, 0, 1],
      values: Array.from({ length: 4 }, () => [0.75, 0.25]).flat(),
      classes: 2,
    }
    expect(expectedCalibrationError(table)).toBe(0)
    expect(calibrationBins(table, 4).map(({ items }) => items)).toEqual([0, 0, 4, 0])
  })
  test('every item is in one bin', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 }), (p) => {
        const table = { truth: p.map(() => 0), values: p.flatMap((x) => [x, 1 - x]), classes: 2 }
        expect(calibrationBins(table).reduce((sum, { items }) => sum + items, 0)).toBe(p.length)
      }),
    )
  })
})

describe('bootstrapItems()', () => {
  test('draws whole groups, as often as there are', () => {
    const sizes = new Set<number>()
    const options = { seed: 'groups', resamples: 200, level: 0.9, groups: ['a', 'a', 'a', 'b'] }
    const size = (items: readonly number[]): number => {
      sizes.add(items.length)
      return items.length
    }
    expect(bootstrapItems(4, size, options)).toEqual({ low: 2, high: 6 })
    expect(sizes).toEqual(new Set([2, 4, 6]))
  })
  test('refuses groups that are not one an item', () => {
    const options = { seed: 's', resamples: 1, level: 0.9, groups: ['a'] }
    expect(() => bootstrapItems(2, () => 0, options)).toThrow(
      expect.objectContaining({ code: 'ERR_INTERNAL' }),
    )
  })
})
