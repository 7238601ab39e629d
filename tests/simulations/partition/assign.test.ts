import { createRandom } from '@tessera/shared/random'
import { assignToSites, countByLabel, type Item, type PartitionRule, setAside } from '@tessera/simulations'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

interface Tile extends Item {
  readonly path: string
}

/** Tiles of `labels` classes in groups of one class each, sizes as drawn. */
const collection = fc
  .record({
    labels: fc.integer({ min: 2, max: 5 }),
    sizes: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 40, maxLength: 80 }),
  })
  .map(({ labels, sizes }) => {
    const tiles: Tile[] = []
    for (const [g, size] of sizes.entries()) {
      for (let i = 0; i < size; i++)
        tiles.push({ label: `class-${g % labels}`, group: `group-${g}`, path: `${g}/${i}` })
    }
    return tiles
  })
const rule: fc.Arbitrary<PartitionRule> = fc.oneof(
  fc.constant({ kind: 'iid' as const }),
  fc.double({ min: 0.3, max: 10, noNaN: true }).map((alpha) => ({ kind: 'dirichlet' as const, alpha })),
)
const paths = (tiles: readonly Tile[]): string[] => tiles.map((tile) => tile.path).toSorted()
const groupsOf = (tiles: readonly Tile[]): Set<string> => new Set(tiles.map((tile) => tile.group))

describe('assignToSites()', () => {
  test('puts every tile in exactly one site, groups whole, two classes and the minimum at each', () => {
    fc.assert(
      fc.property(
        collection,
        rule,
        fc.integer({ min: 2, max: 3 }),
        fc.string(),
        (tiles, rule, sites, seed) => {
          const parts = assignToSites(tiles, { sites, rule, minItems: 4, random: createRandom(seed) })
          expect(parts).toHaveLength(sites)
          expect(paths(parts.flat())).toEqual(paths(tiles))
          for (const [i, part] of parts.entries()) {
            expect(part.length).toBeGreaterThanOrEqual(4)
            expect(new Set(part.map((tile) => tile.label)).size).toBeGreaterThanOrEqual(2)
            for (const other of parts.slice(i + 1)) expect(disjoint(part, other)).toBe(true)
          }
        },
      ),
    )
  })

  test('gives the same parts for the same seed', () => {
    fc.assert(
      fc.property(collection, fc.string(), (tiles, seed) => {
        const options = { sites: 3, rule: { kind: 'dirichlet', alpha: 0.5 } as const, minItems: 2 }
        const once = assignToSites(tiles, { ...options, random: createRandom(seed) })
        expect(assignToSites(tiles, { ...options, random: createRandom(seed) })).toEqual(once)
      }),
    )
  })

  test('is nearly even by iid and skewed by a small alpha', () => {
    const tiles = Array.from({ length: 900 }, (_, i) => ({
      label: `class-${i % 3}`,
      group: `${i}`,
      path: `${i}`,
    }))
    const labels = ['class-0', 'class-1', 'class-2']
    const random = createRandom('skew')
    const even = assignToSites(tiles, { sites: 3, rule: { kind: 'iid' }, minItems: 2, random })
    for (const site of even) expect(countByLabel(site, labels)).toEqual([100, 100, 100])
    const skewed = assignToSites(tiles, {
      sites: 3,
      rule: { kind: 'dirichlet', alpha: 0.3 },
      minItems: 2,
      random,
    })
    const largest = skewed.map((site) => Math.max(...countByLabel(site, labels)) / site.length)
    expect(Math.max(...largest)).toBeGreaterThan(0.6)
  })

  test('refuses data that cannot give every site two classes', () => {
    const tiles = [
      { label: 'a', group: '1', path: '1' },
      { label: 'b', group: '2', path: '2' },
      { label: 'b', group: '3', path: '3' },
    ]
    expect(() =>
      assignToSites(tiles, { sites: 2, rule: { kind: 'iid' }, minItems: 1, random: createRandom(1) }),
    ).toThrowError(
      expect.objectContaining({
        code: 'ERR_CONFIG_INVALID',
        message:
          'partition must leave each of 2 sites 2 classes and 1 tiles, got 3 tiles in 3 groups and no such draw in 500',
      }),
    )
  })
})

describe('setAside()', () => {
  test('divides every label near the share, in whole groups', () => {
    fc.assert(
      fc.property(
        collection,
        fc.double({ min: 0.1, max: 0.9, noNaN: true }),
        fc.string(),
        (tiles, share, seed) => {
          const { aside, rest } = setAside(tiles, share, createRandom(seed))
          expect(paths([...aside, ...rest])).toEqual(paths(tiles))
          expect(disjoint(aside, rest)).toBe(true)
          const labels = [...new Set(tiles.map((tile) => tile.label))]
          const all = countByLabel(tiles, labels)
          for (const [i, n] of countByLabel(aside, labels).entries()) {
            expect(n).toBeGreaterThan(0)
            expect(n).toBeLessThan(all[i] ?? 0)
            // A group of at most 4 tiles is taken or left whole.
            expect(Math.abs(n - share * (all[i] ?? 0))).toBeLessThanOrEqual(4)
          }
        },
      ),
    )
  })

  test('leaves a label’s only group in the rest', () => {
    const tiles = [
      { label: 'a', group: '1', path: '1' },
      { label: 'a', group: '1', path: '2' },
    ]
    expect(setAside(tiles, 0.5, createRandom(1))).toEqual({ aside: [], rest: tiles })
  })

  test('depends on the seed alone', () => {
    const tiles = Array.from({ length: 60 }, (_, i) => ({ label: `${i % 2}`, group: `${i}`, path: `${i}` }))
    expect(setAside(tiles, 0.3, createRandom('a'))).toEqual(setAside(tiles, 0.3, createRandom('a')))
    expect(paths(setAside(tiles, 0.3, createRandom('a')).aside)).not.toEqual(
      paths(setAside(tiles, 0.3, createRandom('b')).aside),
    )
  })
})

function disjoint(a: readonly Tile[], b: readonly Tile[]): boolean {
  const groups = groupsOf(a)
  return b.every((tile) => !groups.has(tile.group))
}

describe('assignToSites() by quantity and by labels', () => {
  const even = ['x', 'y', 'z', 'w'].flatMap((label) =>
    Array.from({ length: 60 }, (_, i): Item => ({ label, group: `${label}${i}` })),
  )
  const spread = (rule: PartitionRule, sites: number): Item[][] =>
    assignToSites(even, { sites, rule, minItems: 4, random: createRandom('skew') })
  const counts = (site: readonly Item[]): number[] => countByLabel(site, ['x', 'y', 'z', 'w'])

  test('by quantity, sites differ in size and not in what they have', () => {
    const sites = spread({ kind: 'quantity', alpha: 1 }, 3)
    for (const site of sites)
      expect(Math.max(...counts(site)) - Math.min(...counts(site))).toBeLessThanOrEqual(1)
    expect(new Set(sites.map(({ length }) => length)).size).toBe(3)
  })
  test('by labels, each site has so many of them, shared evenly by those that have it', () => {
    const sites = spread({ kind: 'labels', classes: 2 }, 4)
    for (const site of sites) expect(counts(site).filter((n) => n > 0)).toEqual([30, 30])
    expect(sites.flat()).toHaveLength(even.length)
  })
  test('by labels, refuses to leave a label without a site', () => {
    expect(() => spread({ kind: 'labels', classes: 1 }, 3)).toThrowError(
      expect.objectContaining({
        code: 'ERR_CONFIG_INVALID',
        message: 'sites must hold every class, got 3 sites of 1 for 4 classes',
      }),
    )
  })
})
