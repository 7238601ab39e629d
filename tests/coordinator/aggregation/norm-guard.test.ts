import { clipFactors, partsOf } from '@tessera/coordinator/aggregation'
import { study as studySchema } from '@tessera/shared/protocol'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TINY_STUDY } from '../raw-site.ts'

const guard = { factor: 3, rounds: 3 }
const factors = (
  norms: readonly number[],
  earlier: readonly number[] = [],
  of: typeof guard | 'off' = guard,
) => [...clipFactors(new Map(norms.map((norm, i) => [`site-${i}`, norm])), earlier, of).values()]
const norm = fc.double({ min: 0.001, max: 1000, noNaN: true })

describe('clipFactors()', () => {
  test('leaves lengths within three times the median as they are', () => {
    expect(factors([1, 2, 3, 6])).toEqual([1, 1, 1, 1])
  })
  test('scales a longer delta down to three times the median', () => {
    expect(factors([1, 2, 3, 4, 1000])).toEqual([1, 1, 1, 1, 9 / 1000])
  })
  test('earlier rounds give a round of two sites a middle', () => {
    expect(factors([1, 1000])).toEqual([1, 1])
    expect(factors([1, 1000], [1, 1, 1])).toEqual([1, 3 / 1000])
  })
  test('off is off', () => {
    expect(factors([1, 1, 1e9], [], 'off')).toEqual([1, 1, 1])
  })
  test('a round in which most did nothing scales nobody to nothing', () => {
    expect(factors([0, 0, 5])).toEqual([1, 1, 1])
  })
  test('fewer than half of the sites cannot move the bound beyond three honest lengths', () => {
    fc.assert(
      fc.property(
        fc.array(norm, { minLength: 2, maxLength: 9 }),
        fc.array(fc.double({ min: 0, max: 1e30, noNaN: true }), { maxLength: 8 }),
        (honest, hostile) => {
          fc.pre(hostile.length < honest.length)
          const sent = [...honest, ...hostile]
          const used = factors(sent).map((factor, i) => factor * (sent[i] ?? 0))
          expect(Math.max(...used)).toBeLessThanOrEqual(3 * Math.max(...honest) * (1 + 1e-12))
        },
      ),
    )
  })
})

describe('partsOf()', () => {
  const update = (site: string, samples: number, length: number) => ({ site, samples, norm: length })
  const study = (federation: object) => studySchema.parse({ ...TINY_STUDY, federation })

  test('is in the order of site ids, whatever the order of arrival', () => {
    const updates = [update('c', 1, 1), update('a', 2, 1), update('b', 3, 1)]
    const parts = partsOf(study({}), updates, [])
    expect(parts.map(({ site, weight, scale }) => [site, weight, scale])).toEqual([
      ['a', 2, 1],
      ['b', 3, 1],
      ['c', 1, 1],
    ])
  })
  test('holds a large site by the cap and a long delta by the guard; the weight stays', () => {
    const updates = [update('a', 1000, 1), update('b', 10, 1), update('c', 10, 90)]
    const parts = partsOf(study({ maxShare: 0.5 }), updates, [])
    expect(parts.map(({ weight, scale }) => [weight, scale])).toEqual([
      [20, 1],
      [10, 1],
      [10, 3 / 90],
    ])
  })
  test('an update that claims less than its samples weighs less, before the cap', () => {
    const updates = [{ ...update('a', 100, 1), claim: 50 }, update('b', 50, 1)]
    const weights = (maxShare: number) =>
      partsOf(study({ maxShare }), updates, []).map(({ weight }) => weight)
    expect(weights(1)).toEqual([50, 50])
    expect(weights(0.5)).toEqual([1, 1])
  })
  test('looks at as many earlier rounds as the study says', () => {
    const updates = [update('a', 1, 1), update('b', 1, 100)]
    const history = [[1, 1, 1, 1, 1, 1, 1], [100], [100]]
    const scales = (rounds: number) =>
      partsOf(study({ guards: { adaptiveNorm: { rounds } } }), updates, history).map(({ scale }) => scale)
    expect(scales(2)).toEqual([1, 1])
    expect(scales(3)).toEqual([1, 0.03])
    expect(scales(0)).toEqual([1, 1])
  })
  test('no update is ERR_ROUND_EMPTY', () => {
    expect(() => partsOf(study({}), [], [])).toThrow(expect.objectContaining({ code: 'ERR_ROUND_EMPTY' }))
  })
})
