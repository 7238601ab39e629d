import { createRandom } from '@tessera/shared/random'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Divisible, divide } from '../../../../site-agent/data/splits/divide.ts'
import type { ListedTile, TileListing } from '../../../../site-agent/data/splits/part.ts'
import { dividedListing, parseShares } from '../../../../site-agent/data/splits/rule.ts'

const shares = { train: 0.7, val: 0.15, test: 0.15 }
const tiles = (counts: readonly (readonly [label: number, key: string, count: number])[]): Divisible[] =>
  counts.flatMap(([label, key, count]) => Array.from({ length: count }, () => ({ label, key })))

describe('divide()', () => {
  test('gives each class the wanted shares when tiles are alone', () => {
    const alone = Array.from({ length: 300 }, (_, i) => ({ label: i % 3 === 0 ? 1 : 0, key: String(i) }))
    const parts = divide(alone, shares, createRandom('s'))
    const count = (part: string, label: number) =>
      parts.filter((p, i) => p === part && alone[i]?.label === label).length
    expect([count('train', 0), count('val', 0), count('test', 0)]).toEqual([140, 30, 30])
    expect([count('train', 1), count('val', 1), count('test', 1)]).toEqual([70, 15, 15])
  })

  test('keeps groups whole and gives every part one, whatever the groups are', () => {
    const group = fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 40 }))
    fc.assert(
      fc.property(fc.array(group, { minLength: 3, maxLength: 40 }), fc.string(), (groups, seed) => {
        const all = tiles(groups.map(([label, count], i) => [label, `k${i}`, count] as const))
        const parts = divide(all, shares, createRandom(seed))
        const ofKey = new Map<string, string>()
        for (const [i, { key }] of all.entries()) {
          expect(ofKey.get(key) ?? parts[i]).toBe(parts[i])
          ofKey.set(key, parts[i] ?? '')
        }
        expect(new Set(parts)).toEqual(new Set(['train', 'val', 'test']))
      }),
    )
  })

  test('misses no share by more than the largest group when there is one class', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 20, maxLength: 60 })
    fc.assert(
      fc.property(sizes, fc.string(), (counts, seed) => {
        const all = tiles(counts.map((count, i) => [0, `k${i}`, count] as const))
        const parts = divide(all, shares, createRandom(seed))
        for (const part of ['train', 'val', 'test'] as const) {
          const got = parts.filter((p) => p === part).length
          expect(Math.abs(got - shares[part] * all.length)).toBeLessThanOrEqual(Math.max(...counts))
        }
      }),
    )
  })

  test('hangs on the seed, not on the order of tiles', () => {
    const all = tiles(Array.from({ length: 30 }, (_, i) => [i % 2, `k${i}`, 1 + (i % 4)] as const))
    const partsByKey = (order: readonly Divisible[], seed: string) => {
      const parts = divide(order, shares, createRandom(seed))
      return Object.fromEntries(order.map(({ key }, i) => [key, parts[i]]))
    }
    expect(partsByKey(all.toReversed(), 's')).toEqual(partsByKey(all, 's'))
    expect(partsByKey(all, 'other')).not.toEqual(partsByKey(all, 's'))
  })

  test('fills no part whose share is 0', () => {
    const all = tiles(Array.from({ length: 10 }, (_, i) => [0, `k${i}`, 1] as const))
    const parts = divide(all, { train: 0.8, val: 0, test: 0.2 }, createRandom('s'))
    expect(new Set(parts)).toEqual(new Set(['train', 'test']))
  })

  test('refuses fewer groups than parts with ERR_DATA_SPLIT', () => {
    expect(() => divide(tiles([[0, 'a', 9]]), shares, createRandom('s'))).toThrow(
      'data must have at least 3 patients, slides or groups to be divided into train, val, test, got 1',
    )
  })
})

describe('dividedListing()', () => {
  const listing = (more: Partial<ListedTile>[], hasParts = false): TileListing => ({
    tiles: more.map((fields, i) => ({ origin: `${i}`, name: `${i}`, label: 0, part: 'train', ...fields })),
    hasParts,
    otherFiles: 0,
    labels: [],
  })
  const rule = { shares: { train: 0.5, val: 0, test: 0.5 }, by: 'auto', seed: 's' } as const

  test('takes patients before slides before groups', () => {
    const tiles = [
      { patient: 'a', slide: '1', group: 'x' },
      { patient: 'a', slide: '2', group: 'y' },
      { patient: 'b', slide: '3', group: 'x' },
      { patient: 'b', slide: '4', group: 'y' },
    ]
    const parts = (by: 'auto' | 'group' | 'patient') =>
      dividedListing(listing(tiles), { ...rule, by }).tiles.map(({ part }) => part)
    const [a, , b] = parts('auto')
    expect(parts('auto')).toEqual([a, a, b, b])
    expect(parts('patient')).toEqual(parts('auto'))
    const [x, y] = parts('group')
    expect(parts('group')).toEqual([x, y, x, y])
    expect(x).not.toBe(y)
  })

  test('refuses data that are divided already, and data that do not say what belongs together', () => {
    expect(() => dividedListing(listing([{}, {}], true), rule)).toThrow('data must not say their parts')
    expect(() => dividedListing(listing([{}, {}]), rule)).toThrow(
      'data must name the patient, slide or group of tiles',
    )
    expect(() => dividedListing(listing([{ group: 'a' }, {}]), { ...rule, by: 'slide' })).toThrow(
      'must name the slide',
    )
    const parts = dividedListing(listing([{}, {}]), { ...rule, by: 'tile' }).tiles.map(({ part }) => part)
    expect(new Set(parts).size).toBe(2)
  })
})

test.each([
  ['70/15/15', { train: 0.7, val: 0.15, test: 0.15 }],
  ['4/0/1', { train: 0.8, val: 0, test: 0.2 }],
])('parseShares(%s)', (text, want) => expect(parseShares(text)).toEqual(want))
test.each(['', '1/1', '1/0/0', '0/1/1', '1/1/1/1', '-1/1/1', 'a/b/c', '1e9/1/1'])(
  'parseShares(%s) is refused',
  (text) => expect(() => parseShares(text)).toThrow('--split must be TRAIN/VAL/TEST'),
)
