/** @file Deals tiles out: the teacher's, each site's, and of those the ones to test on. Pure; no tile and no group is in two places. */
import { TesseraError } from '@tessera/shared/errors'
import { createRandom, type Random } from '@tessera/shared/random'
import { assignToSites, countByLabel, parsePartition, setAside } from '../partition/index.ts'
import { GRADES } from '../tiles/index.ts'
import type { DemoConfig } from './config.ts'
import type { SourceTile } from './source-tiles.ts'

export interface SitePlan {
  /** Name in the study. */
  readonly name: string
  readonly train: readonly SourceTile[]
  readonly test: readonly SourceTile[]
}

export interface RunPlan {
  readonly classes: readonly string[]
  readonly sites: readonly SitePlan[]
  readonly teacher: readonly SourceTile[]
  /** The teacher's own: those of the study when its task is the same, others when it is not. */
  readonly teacherClasses: readonly string[]
}

/** Fewest tiles of a site after a partition: two batches of 16 to train on and as many to test. */
const MIN_SITE_TILES = 48
/** Share of the largest site that teaches when nothing else is given. */
const DEFAULT_TEACHER_SHARE = 0.3

/** The tiles of a procedural run, to be dealt out; the teacher has patients of its own. */
export function drawnTiles(config: DemoConfig): { tiles: SourceTile[]; teacher: SourceTile[] } {
  const classes = config.classes.length > 0 ? config.classes : [...GRADES]
  const ask = (role: string): SourceTile[] =>
    Array.from({ length: config.patients * config.tilesPerPatient }, (_, i) => {
      const patient = Math.floor(i / config.tilesPerPatient)
      const group = `${config.seed}/${role}-${patient}`
      return {
        site: role,
        label: classes[patient % classes.length] ?? '',
        group,
        picture: { kind: 'drawn', patient: group, index: i % config.tilesPerPatient },
      }
    })
  return { tiles: ask('site'), teacher: ask('reference') }
}

/**
 * @param tiles All but those given to the teacher already.
 * @param teacher Tiles that only the teacher sees; empty: some of `tiles` are set aside for it.
 * @throws {TesseraError} ERR_CONFIG_INVALID when a share, a site or a partition does not work out with these tiles.
 */
export function planRun(
  tiles: readonly SourceTile[],
  teacher: readonly SourceTile[],
  config: DemoConfig,
): RunPlan {
  const random = createRandom(`${config.seed}/plan`)
  const { aside, rest } =
    teacher.length > 0 ? { aside: [...teacher], rest: [...tiles] } : takeForTeacher(tiles, config, random)
  const classes = classNames(tiles, config.classes)
  const parts = config.partition === null ? bySite(rest) : dealOut(rest, config.partition, config, random)
  const sites = parts.map(({ name, tiles: own }) => {
    const { aside: test, rest: train } = setAside(own, config.testShare, random.fork(`test/${name}`))
    return { name, train, test }
  })
  const other = aside.some((tile) => !classes.includes(tile.label))
  const teacherClasses = other ? classNames(aside, config.teacherClasses) : classes
  const plan = { classes, sites, teacher: aside, teacherClasses }
  assertTrainable(plan)
  return plan
}

function classNames(tiles: readonly SourceTile[], wanted: readonly string[]): string[] {
  if (wanted.length > 0) return [...wanted]
  return [...new Set(tiles.map((tile) => tile.label))].toSorted((a, b) => (a < b ? -1 : 1))
}

function takeForTeacher(
  tiles: readonly SourceTile[],
  { teacherFrom }: DemoConfig,
  random: Random,
): { aside: SourceTile[]; rest: SourceTile[] } {
  const sizes = bySite(tiles).toSorted((a, b) => b.tiles.length - a.tiles.length)
  const { site, share } = teacherFrom ?? { site: sizes[0]?.name ?? '', share: DEFAULT_TEACHER_SHARE }
  const source = tiles.filter((tile) => tile.site === site)
  if (source.length === 0) {
    throw new TesseraError(
      'ERR_CONFIG_INVALID',
      `--teacher-from must name a site of the data (${sizes.map(({ name }) => name).join(', ')}), got ${site}`,
    )
  }
  const { aside, rest } = setAside(source, share, random.fork('teacher'))
  // A group may reach over two sites in the source's own table: all of it goes with the teacher.
  const taken = new Set(aside.map((tile) => tile.group))
  const others = tiles.filter((tile) => tile.site !== site)
  return {
    aside: [...aside, ...others.filter((tile) => taken.has(tile.group))],
    rest: [...rest, ...others.filter((tile) => !taken.has(tile.group))],
  }
}

interface Part {
  readonly name: string
  readonly tiles: readonly SourceTile[]
}

function bySite(tiles: readonly SourceTile[]): Part[] {
  const names = [...new Set(tiles.map((tile) => tile.site))].toSorted((a, b) => (a < b ? -1 : 1))
  return names.map((name) => ({ name, tiles: tiles.filter((tile) => tile.site === name) }))
}

function dealOut(
  tiles: readonly SourceTile[],
  partition: string,
  config: DemoConfig,
  random: Random,
): Part[] {
  const sites = assignToSites(tiles, {
    sites: config.sites,
    rule: parsePartition(partition),
    minItems: Math.min(MIN_SITE_TILES, Math.floor(tiles.length / config.sites / 2)),
    random: random.fork('sites'),
  })
  return sites.map((own, i) => ({ name: `site-${String.fromCharCode(97 + i)}`, tiles: own }))
}

function assertTrainable({ classes, sites, teacher, teacherClasses }: RunPlan): void {
  if (sites.length < 2) {
    throw new TesseraError(
      'ERR_CONFIG_INVALID',
      `data must have at least 2 sites, or --partition to make some, got ${sites.length}`,
    )
  }
  for (const { name, train, test } of sites) {
    if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(name)) {
      throw new TesseraError(
        'ERR_CONFIG_INVALID',
        `site folder must be 1 to 63 of a-z, 0-9, - and _, got ${name}`,
      )
    }
    const present = countByLabel(train, classes).filter((n) => n > 0).length
    if (present < 2 || test.length === 0) {
      throw new TesseraError(
        'ERR_CONFIG_INVALID',
        `site ${name} must have 2 classes to train on and a tile to test on, got ${present} and ${test.length}`,
      )
    }
  }
  const counts = countByLabel(teacher, teacherClasses)
  const unknown = teacherClasses.filter((_, i) => counts[i] === 0)
  if (unknown.length > 0) {
    throw new TesseraError(
      'ERR_CONFIG_INVALID',
      `teacher must have tiles of every class, got none of ${unknown.join(', ')}`,
    )
  }
}
