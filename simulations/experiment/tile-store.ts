/** @file An experiment's tiles, cut or painted once into OUT/tiles; every deal is a folder of links to them. */
import { link, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { isMissing, writeDurably } from '@tessera/shared/files'
import { sha256Hex } from '@tessera/shared/security'
import { commonScale, type Scale } from '../runner/cut.ts'
import type { ProcessSet } from '../runner/processes.ts'
import { collectTiles, type SourceTile } from '../runner/source-tiles.ts'
import { countCodes, writeTiles } from '../runner/write-tiles.ts'
import type { Deal, PlacedTile } from './deal.ts'
import { drawnTiles, hospitalNumber } from './drawn-tiles.ts'
import type { ReadExperiment } from './read.ts'
import type { Experiment } from './schema.ts'

export interface TileStore {
  readonly classes: readonly string[]
  readonly teacherClasses: readonly string[]
  /** What is dealt out. */
  readonly tiles: readonly PlacedTile[]
  /** Only the teacher's; null: it gets a share of `tiles`. */
  readonly teacher: readonly PlacedTile[] | null
  readonly scale: Scale
  /** Files with the bytes of another one, left out. */
  readonly duplicates: number
  /** Files that are no tile, by code. */
  readonly skipped: Readonly<Record<string, number>>
  /** What a tile is, whatever its file is called: part of a cell's key. */
  identity(tile: PlacedTile): string
  /** Folder of a deal, filled with links when it is not there. */
  folderOf(deal: Deal): Promise<DealFolder>
}

/** Folders of a deal. */
export interface DealFolder {
  train(site: string): string
  test(site: string): string
  readonly teacher: string
  /** All training tiles of all sites. */
  readonly pooled: string
}

const index = 'index.json'

/** @throws {TesseraError} ERR_DATA_…; ERR_CONFIG_INVALID if fewer than two classes are left. */
export async function openTileStore(
  out: string,
  read: ReadExperiment,
  processes: ProcessSet,
  onProgress: (done: number, total: number) => void,
): Promise<TileStore> {
  const { data } = read.experiment
  const found = await listTiles(read)
  const all = [...found.tiles, ...found.teacher]
  const scale = await commonScale(all, data.tilePx)
  const seed = data.procedural?.seed ?? ''
  const look = { seed, tilePx: data.tilePx, scale }
  const orders = all.map(({ label, picture, site }, i) => ({
    label,
    picture,
    site: picture.kind === 'drawn' ? hospitalNumber(site) : null,
    to: fileName(i),
  }))
  const identities = all.map((tile) => sha256Hex(JSON.stringify([look, tile.label, nameOf(tile)])))
  const root = join(out, 'tiles')
  const digest = sha256Hex(identities.join())
  let codes = await readCodes(root, digest)
  if (codes === null) {
    for (const dir of ['tiles', 'deals']) await rm(join(out, dir), { recursive: true, force: true })
    codes = await writeTiles(root, look, orders, processes, onProgress)
    await writeDurably(join(root, index), JSON.stringify({ digest, codes }), 0o644)
  }
  const usable = (tiles: readonly PlacedTile[]): PlacedTile[] =>
    tiles.filter((tile) => codes[tile.index] === '')
  const tiles = usable(place(found.tiles, 0))
  const teacher = usable(place(found.teacher, found.tiles.length))
  const classes = classNames(tiles, data.classes)
  const identity = (tile: PlacedTile): string => identities[tile.index] ?? ''
  return {
    classes,
    teacherClasses: teacher.length === 0 ? classes : classNames(teacher, teacherFilter(read.experiment)),
    tiles,
    teacher: teacher.length === 0 ? null : teacher,
    scale,
    duplicates: found.duplicates,
    skipped: countCodes(codes),
    identity,
    folderOf: (deal) => linkDeal(out, deal, identity),
  }
}

async function readCodes(root: string, digest: string): Promise<string[] | null> {
  const text = await readFile(join(root, index), 'utf8').catch((thrown: unknown) => {
    if (isMissing(thrown)) return null
    throw thrown
  })
  if (text === null) return null
  const before = JSON.parse(text) as { digest: string; codes: string[] }
  return before.digest === digest ? before.codes : null
}

interface Found {
  readonly tiles: readonly SourceTile[]
  readonly teacher: readonly SourceTile[]
  readonly duplicates: number
}

async function listTiles({ experiment, folders, teacherFolders }: ReadExperiment): Promise<Found> {
  const { data } = experiment
  const seen = new Set<string>()
  const teacher = await collectTiles(teacherFolders, teacherFilter(experiment), seen, data.group)
  if (data.procedural !== undefined) {
    return { tiles: drawnTiles(data), teacher: teacher.tiles, duplicates: teacher.duplicates }
  }
  const own = await collectTiles(folders, data.classes, seen, data.group)
  return { tiles: own.tiles, teacher: teacher.tiles, duplicates: own.duplicates + teacher.duplicates }
}

const teacherFilter = ({ data, teacher }: Experiment): readonly string[] =>
  teacher === undefined || teacher.classes.length === 0 ? data.classes : teacher.classes

function classNames(tiles: readonly SourceTile[], wanted: readonly string[]): string[] {
  const names = [...new Set(tiles.map(({ label }) => label))].toSorted((a, b) => (a < b ? -1 : 1))
  if (wanted.length > 0) return [...wanted]
  if (names.length >= 2) return names
  throw new TesseraError('ERR_CONFIG_INVALID', `data must have 2 classes or more, got ${names.length}`)
}

const place = (tiles: readonly SourceTile[], from: number): PlacedTile[] =>
  tiles.map((tile, i) => ({ ...tile, index: from + i }))

const fileName = (i: number): string => `${String(i).padStart(6, '0')}.png`

/** A drawn tile is also its hospital's scanner. */
function nameOf({ picture, site }: SourceTile): string {
  return picture.kind === 'file' ? picture.sha256 : `${picture.patient}/${picture.index}/${site}`
}

async function linkDeal(
  out: string,
  { sites, teacher }: Deal,
  identity: (tile: PlacedTile) => string,
): Promise<DealFolder> {
  const parts: [string, readonly PlacedTile[]][] = [
    ...sites.flatMap(({ name, train, test }): [string, readonly PlacedTile[]][] => [
      [`sites/${name}/train`, train],
      [`sites/${name}/test`, test],
    ]),
    ['teacher', teacher],
    ['pooled', sites.flatMap(({ train }) => train)],
  ]
  const digest = sha256Hex(JSON.stringify(parts.map(([dir, tiles]) => [dir, tiles.map(identity)])))
  const root = join(out, 'deals', digest.slice(0, 16))
  const marker = join(root, 'whole')
  const isWhole = await readFile(marker).then(
    () => true,
    () => false,
  )
  if (!isWhole) {
    await rm(root, { recursive: true, force: true })
    for (const [dir, tiles] of parts) {
      for (const label of new Set(tiles.map((tile) => tile.label)))
        await mkdir(join(root, dir, label), { recursive: true })
      for (const { label, index } of tiles)
        await link(join(out, 'tiles', fileName(index)), join(root, dir, label, fileName(index)))
    }
    await writeDurably(marker, digest, 0o644)
  }
  return {
    train: (site) => join(root, 'sites', site, 'train'),
    test: (site) => join(root, 'sites', site, 'test'),
    teacher: join(root, 'teacher'),
    pooled: join(root, 'pooled'),
  }
}
