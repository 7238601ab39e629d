import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dealTiles, type PlacedTile } from '../../../simulations/experiment/deal.ts'
import { experiment, type SplitConfig } from '../../../simulations/experiment/schema.ts'

const { data, teacher } = experiment.parse({
  name: 'x',
  data: { folders: [{ dir: 'd' }] },
  splits: [{ by: 'folder' }],
  seeds: [1],
  methods: { ce: { name: 'ce' } },
  arms: [{ kind: 'teacher' }],
  teacher: {},
  training: { rounds: 1 },
})
/** `perClass` tiles a class and hospital, two a group, seen through scanner s or t. */
function tiles(hospitals: readonly string[], classes: readonly string[], perClass: number): PlacedTile[] {
  return hospitals
    .flatMap((site) =>
      classes.flatMap((label) =>
        Array.from({ length: perClass }, (_, i) => ({
          site,
          label,
          group: `${site}/${label}/${Math.floor(i / 2)}`,
          columns: { scanner: i % 4 < 2 ? 'Scanner S' : 'Scanner T' },
          picture: { kind: 'file' as const, path: `${site}/${label}/${i}`, micronsPerPx: null, sha256: '' },
        })),
      ),
    )
    .map((tile, index) => ({ ...tile, index }))
}
const deal = (all: readonly PlacedTile[], split: SplitConfig, sites: number | null, seed = 's') =>
  dealTiles(all, null, { data, teacher }, split, sites, seed)

describe('dealTiles()', () => {
  test('puts every tile in one place, and no group in two', () => {
    const splits = fc.constantFrom<[SplitConfig, number | null]>(
      [{ by: 'folder' }, null],
      [{ by: 'column', column: 'scanner' }, null],
      [{ by: 'iid', sites: [3] }, 3],
      [{ by: 'dirichlet', alpha: 1, sites: [3] }, 3],
      [{ by: 'quantity', alpha: 2, sites: [3] }, 3],
      [{ by: 'labels', classes: 2, sites: [3] }, 3],
    )
    fc.assert(
      fc.property(splits, fc.string({ minLength: 1 }), ([split, sites], seed) => {
        const all = tiles(['a', 'b', 'c'], ['x', 'y', 'z'], 24)
        const dealt = deal(all, split, sites, seed)
        const parts = [dealt.teacher, ...dealt.sites.flatMap(({ train, test }) => [train, test])]
        expect(
          parts
            .flat()
            .map(({ index }) => index)
            .toSorted((a, b) => a - b),
        ).toEqual(all.map(({ index }) => index))
        const owners = new Map<string, number>()
        for (const [i, part] of parts.entries()) {
          for (const { group } of part) {
            expect(owners.get(group) ?? i).toBe(i)
            owners.set(group, i)
          }
        }
      }),
      { numRuns: 60 },
    )
  })
  test('gives the teacher of a seed the same tiles in every split', () => {
    const all = tiles(['a', 'b', 'c'], ['x', 'y'], 40)
    expect(deal(all, { by: 'folder' }, null).teacher).toEqual(deal(all, { by: 'iid', sites: [4] }, 4).teacher)
    expect(deal(all, { by: 'folder' }, null, 'other').teacher).not.toEqual(
      deal(all, { by: 'folder' }, null).teacher,
    )
  })
  test('names sites after the values of a column', () => {
    const { sites } = deal(tiles(['a', 'b'], ['x', 'y'], 40), { by: 'column', column: 'scanner' }, null)
    expect(sites.map(({ name }) => name)).toEqual(['scanner-s', 'scanner-t'])
  })
  test('keeps a group that reaches over two sites on one side of the test at both', () => {
    const all = tiles(['a', 'b'], ['x', 'y'], 40).map((tile) => ({ ...tile, group: tile.group.slice(2) }))
    const { sites } = deal(all, { by: 'folder' }, null)
    const trained = new Set(sites.flatMap(({ train }) => train.map(({ group }) => group)))
    expect(sites.flatMap(({ test }) => test).some(({ group }) => trained.has(group))).toBe(false)
  })
  test('refuses a split that leaves one site, or a site with one class', () => {
    expect(() => deal(tiles(['a'], ['x', 'y'], 40), { by: 'folder' }, null)).toThrowError(
      expect.objectContaining({
        code: 'ERR_CONFIG_INVALID',
        message: 'split must give at least 2 sites, got 1',
      }),
    )
    const lopsided = [...tiles(['a'], ['x', 'y'], 40), ...tiles(['b'], ['x'], 40)].map((tile, index) => ({
      ...tile,
      index,
    }))
    expect(() => deal(lopsided, { by: 'folder' }, null)).toThrowError(
      'site b must have 2 classes to train on, got 1',
    )
  })
})
