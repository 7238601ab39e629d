/** @file The tiles a run starts from, before anything is dealt out: files of data folders, or requests to draw some. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import type { Item } from '../partition/index.ts'
import type { DataFolder } from './config.ts'
import { readLabels } from './labels-csv.ts'

/** A file to cut a tile from. */
export interface FileTile {
  readonly kind: 'file'
  readonly path: string
  readonly micronsPerPx: number | null
  /** SHA-256 of the file. */
  readonly sha256: string
}

/** A tile to draw. */
export interface DrawnTile {
  readonly kind: 'drawn'
  readonly patient: string
  readonly index: number
}

/** `label` is the class, `group` what may never be divided. */
export interface SourceTile extends Item {
  /** Where it comes from; its site too, unless a partition deals it out. */
  readonly site: string
  readonly picture: FileTile | DrawnTile
  /** What labels.csv says of it, by column. */
  readonly columns?: Readonly<Record<string, string>>
}

export interface Collection {
  readonly tiles: readonly SourceTile[]
  /** Files left out because an earlier one has the same bytes: no tile may be in two places. */
  readonly duplicates: number
}

const TILE_NAME = /\.(png|jpe?g)$/i

/**
 * Lists `DIR/SITE/CLASS/*.png|jpg` of each folder, with what `DIR/labels.csv` says of each (a column path, and any others) where there is one. A tile
 * without a group is a group of its own.
 * @param seen Hashes of files listed before; added to.
 * @param groupColumn Column of the groups.
 * @throws {TesseraError} ERR_DATA_FOLDER when a folder cannot be read or holds no tile; ERR_DATA_CLASSES when a wanted class is nowhere.
 */
export async function collectTiles(
  folders: readonly DataFolder[],
  classes: readonly string[],
  seen: Set<string>,
  groupColumn = 'group',
): Promise<Collection> {
  const tiles: SourceTile[] = []
  let duplicates = 0
  for (const [number, { dir, micronsPerPx }] of folders.entries()) {
    const labels = await readLabels(join(dir, 'labels.csv'), groupColumn)
    const before = tiles.length
    for (const path of await tilePaths(dir)) {
      const [site = '', label = ''] = path.split('/')
      if (classes.length > 0 && !classes.includes(label)) continue
      const file = join(dir, path)
      const digest = createHash('sha256')
        .update(await readFile(file))
        .digest('hex')
      if (seen.has(digest)) {
        duplicates++
        continue
      }
      seen.add(digest)
      const columns = labels.get(path) ?? {}
      const group = columns[groupColumn] ?? ''
      tiles.push({
        site,
        label,
        // Two data sets may both have a group called 1.
        group: group === '' ? `${number}/tile/${path}` : `${number}/group/${group}`,
        picture: { kind: 'file', path: file, micronsPerPx, sha256: digest },
        columns,
      })
    }
    if (tiles.length === before) {
      throw new TesseraError(
        'ERR_DATA_FOLDER',
        `data folder ${number + 1} must hold SITE/CLASS/*.png or *.jpg, got no new tile of the classes wanted`,
      )
    }
  }
  const missing = classes.filter((name) => !tiles.some((tile) => tile.label === name))
  if (folders.length > 0 && missing.length > 0) {
    throw new TesseraError(
      'ERR_DATA_CLASSES',
      `--classes must name classes of the data, got ${missing.join(', ')}`,
    )
  }
  return { tiles, duplicates }
}

/** Paths `SITE/CLASS/file`, sorted by code units so that the order is the same everywhere. */
async function tilePaths(dir: string): Promise<string[]> {
  const paths: string[] = []
  for (const site of await folderNames(dir)) {
    for (const label of await folderNames(join(dir, site))) {
      const names = await readdir(join(dir, site, label))
      paths.push(...names.filter((name) => TILE_NAME.test(name)).map((name) => `${site}/${label}/${name}`))
    }
  }
  return paths.toSorted((a, b) => (a < b ? -1 : 1))
}

async function folderNames(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((cause: unknown) => {
    throw new TesseraError('ERR_DATA_FOLDER', 'data must be a folder that can be read, got none there', {
      cause,
    })
  })
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
}
