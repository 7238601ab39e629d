/** @file Deals an experiment's tiles out, for one seed and one split: the teacher's, each site's, and of those the ones to test on. Pure. */
import { TesseraError } from '@tessera/shared/errors'
import { createRandom, type Random } from '@tessera/shared/random'
import { assignToSites, type PartitionRule, setAside } from '../partition/index.ts'
import type { SourceTile } from '../runner/source-tiles.ts'
import type { Experiment, SplitConfig } from './schema.ts'

/** A tile and its place in the list of all tiles. */
export interface PlacedTile extends SourceTile {
  readonly index: number
}

export interface DealtSite {
  /** Name in the study. */
  readonly name: string
  readonly train: readonly PlacedTile[]
  readonly test: readonly PlacedTile[]
}

export interface Deal {
  readonly sites: readonly DealtSite[]
  readonly teacher: readonly PlacedTile[]
}

/** Fewest tiles of a site after a partition: a batch to train on, and some to test. */
const MIN_SITE_TILES = 12

/**
 * All arms of a seed and split see this deal. The teacher's tiles hang on the seed only: one teacher for all splits.
 * @param sites Of a split that deals out; null: as the data say.
 * @param ownTeacher Tiles that only the teacher sees; null: its share of `tiles`.
 * @throws {TesseraError} ERR_CONFIG_INVALID if the tiles do not suffice.
 */
export function dealTiles(
  tiles: readonly PlacedTile[],
  ownTeacher: readonly PlacedTile[] | null,
  { data, teacher }: Pick<Experiment, 'data' | 'teacher'>,
  split: SplitConfig,
  sites: number | null,
  seed: string,
): Deal {
  const random = createRandom(`${seed}/deal`)
  const { aside, rest } =
    ownTeacher === null && teacher !== undefined
      ? setAside(tiles, teacher.share, random.fork('teacher'))
      : { aside: [...(ownTeacher ?? [])], rest: [...tiles] }
  const parts = divide(rest, split, sites, random.fork('sites'))
  const dealt = splitEach(parts, data.testShare, random)
  assertTrainable(dealt)
  return { sites: dealt, teacher: aside }
}

/** A group may reach over two sites (a slide that was scanned twice): what it is at the first, it is at all. */
function splitEach(parts: readonly Part[], testShare: number, random: Random): DealtSite[] {
  const isTest = new Map<string, boolean>()
  return parts.map(({ name, own }) => {
    const known = own.filter(({ group }) => isTest.has(group))
    const fresh = own.filter(({ group }) => !isTest.has(group))
    const { aside, rest } = setAside(fresh, testShare, random.fork(`test/${name}`))
    const test = [...aside, ...known.filter(({ group }) => isTest.get(group) === true)]
    const train = [...rest, ...known.filter(({ group }) => isTest.get(group) === false)]
    for (const { group } of test) isTest.set(group, true)
    for (const { group } of train) isTest.set(group, false)
    return { name, train, test }
  })
}

interface Part {
  readonly name: string
  readonly own: readonly PlacedTile[]
}

function divide(
  tiles: readonly PlacedTile[],
  split: SplitConfig,
  sites: number | null,
  random: Random,
): Part[] {
  if (split.by === 'folder') return byName(tiles, ({ site }) => site)
  if (split.by === 'column') return byName(tiles, ({ columns }) => columns?.[split.column] ?? '')
  const count = sites ?? 2
  const width = String(count).length
  return assignToSites(tiles, {
    sites: count,
    rule: ruleOf(split),
    minItems: Math.min(MIN_SITE_TILES, Math.floor(tiles.length / count / 2)),
    random,
  }).map((own, i) => ({ name: `site-${String(i + 1).padStart(width, '0')}`, own }))
}

function ruleOf(split: Exclude<SplitConfig, { by: 'folder' | 'column' }>): PartitionRule {
  if (split.by === 'iid') return { kind: 'iid' }
  if (split.by === 'labels') return { kind: 'labels', classes: split.classes }
  return { kind: split.by, alpha: split.alpha }
}

function byName(tiles: readonly PlacedTile[], nameOf: (tile: PlacedTile) => string): Part[] {
  const parts = new Map<string, PlacedTile[]>()
  for (const tile of tiles) {
    const name = siteName(nameOf(tile))
    parts.set(name, [...(parts.get(name) ?? []), tile])
  }
  return [...parts].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, own]) => ({ name, own }))
}

/** A column says what it likes; a site's name is a folder's. */
function siteName(text: string): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, '-')
    .replace(/^[-_]+/, '')
    .slice(0, 63)
  return name === '' ? 'unnamed' : name
}

function assertTrainable(sites: readonly DealtSite[]): void {
  if (sites.length < 2) {
    throw new TesseraError('ERR_CONFIG_INVALID', `split must give at least 2 sites, got ${sites.length}`)
  }
  for (const { name, train } of sites) {
    const classes = new Set(train.map(({ label }) => label)).size
    if (classes >= 2) continue
    throw new TesseraError(
      'ERR_CONFIG_INVALID',
      `site ${name} must have 2 classes to train on, got ${classes}`,
    )
  }
  if (testedSites(sites).length === 0)
    throw new TesseraError('ERR_CONFIG_INVALID', 'sites must have tiles to test on, got none')
}

/** A site may be too small to have tiles to test on: its students are tested on the others'. */
export function testedSites(sites: readonly DealtSite[]): DealtSite[] {
  return sites.filter(({ test }) => test.length > 0)
}

/** Tiles of a folder as the folder is read: by class in the study's order, then by name, which is the tile's number. */
export function tilesInOrder<T extends Pick<PlacedTile, 'label' | 'index'>>(
  tiles: readonly T[],
  classes: readonly string[],
): T[] {
  const place = new Map(classes.map((name, i) => [name, i]))
  const rank = ({ label }: T): number => place.get(label) ?? classes.length
  return tiles.toSorted((a, b) => rank(a) - rank(b) || a.index - b.index)
}
