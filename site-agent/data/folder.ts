/** @file The files of a tile folder, `DIR/CLASS/*.{png,jpg,jpeg}`, in an order that is the same on every machine. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'

/** One file and the index of its class in the study. */
export interface TileFile {
  readonly path: string
  readonly label: number
}

export interface TileFolder {
  /** By class, then by name, both as code units: no locale. */
  readonly files: readonly TileFile[]
  /** Entries of class folders that are no .png, .jpg or .jpeg file. */
  readonly otherFiles: number
  /** Classes of the study without a folder, or with an empty one. Empty unless missing classes are allowed. */
  readonly missingClasses: readonly string[]
}

export interface TileFolderOptions {
  readonly dir: string
  /** The study's classes, in its order. */
  readonly classes: readonly string[]
  /** A site may lack a class (label skew), but only when its operator says so: a typing mistake looks the same. */
  readonly allowMissingClasses: boolean
}

const TILE_NAME = /\.(png|jpe?g)$/i

/**
 * Lists the tile files of a site. Hidden entries (`.name`) and plain files beside the class folders are ignored.
 *
 * @throws {TesseraError} ERR_DATA_FOLDER, ERR_DATA_CLASSES (which folders are missing and which are not of the study) or
 *   ERR_DATA_CLASS_EMPTY.
 */
export async function listTiles({
  dir,
  classes,
  allowMissingClasses,
}: TileFolderOptions): Promise<TileFolder> {
  const folders = await classFolders(dir)
  assertClasses(folders, classes, allowMissingClasses)
  const files: TileFile[] = []
  const missingClasses: string[] = []
  let otherFiles = 0
  for (const [label, name] of classes.entries()) {
    // The class comes from outside; only a name that the folder itself listed is ever opened.
    const folder = folders.get(name.normalize('NFC'))
    const names = folder === undefined ? [] : await visibleNames(join(dir, folder))
    const tiles = names.filter((entry) => TILE_NAME.test(entry))
    otherFiles += names.length - tiles.length
    if (tiles.length > 0) {
      for (const tile of tiles) files.push({ path: join(dir, folder ?? '', tile), label })
    } else if (allowMissingClasses) {
      missingClasses.push(name)
    } else {
      throw new TesseraError(
        'ERR_DATA_CLASS_EMPTY',
        `class ${name} must have at least 1 .png, .jpg or .jpeg file, got ${names.length} other files`,
      )
    }
  }
  return { files, otherFiles, missingClasses }
}

/** Folder names by their composed form: macOS stores an é as two code points, a study has one. */
async function classFolders(dir: string): Promise<Map<string, string>> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((cause: unknown) => {
    throw new TesseraError('ERR_DATA_FOLDER', 'data must be a folder that can be read, got none there', {
      cause,
    })
  })
  const names = entries
    .filter((entry) => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isSymbolicLink()))
    .map((entry) => entry.name)
  return new Map(names.map((name) => [name.normalize('NFC'), name]))
}

function assertClasses(
  folders: ReadonlyMap<string, string>,
  classes: readonly string[],
  allowMissing: boolean,
): void {
  const wanted = new Set(classes.map((name) => name.normalize('NFC')))
  const missing = allowMissing ? [] : [...wanted].filter((name) => !folders.has(name))
  const extra = [...folders.keys()].filter((name) => !wanted.has(name))
  if (missing.length === 0 && extra.length === 0) return
  const faults = [
    missing.length > 0 ? `no folder for ${missing.join(', ')}` : '',
    extra.length > 0 ? `folders that are no class of the study: ${extra.join(', ')}` : '',
  ].filter(Boolean)
  throw new TesseraError(
    'ERR_DATA_CLASSES',
    `data must have one folder for each of ${classes.join(', ')}, got ${faults.join(' and ')}`,
  )
}

async function visibleNames(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch((cause: unknown) => {
    throw new TesseraError('ERR_DATA_FOLDER', 'class folder must be readable, got an error', { cause })
  })
  // Code units, not a locale: the order decides which tile a seed picks.
  return names.filter((name) => !name.startsWith('.')).toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}
