/**
 * @file The files of a tile folder, `DIR/CLASS/*.{png,jpg,jpeg}` or `DIR/PART/CLASS/…` with the parts train, val and test, in an order that is
 * the same on every machine.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { createLabeller, type LabelMap } from './label-map.ts'
import { type LabelUse, type ListedTile, type Part, partNamed, type TileListing } from './splits/part.ts'

export interface ListOptions {
  /** The study's classes, in its order. */
  readonly classes: readonly string[]
  /** A site may lack a class (label skew), but only when its operator says so: a typing mistake looks the same. */
  readonly allowMissingClasses: boolean
  readonly labelMap?: LabelMap | undefined
}

const TILE_NAME = /\.(png|jpe?g)$/i

/**
 * Lists the tile files of a site by part, class and name. Hidden entries (`.name`) and plain files beside the class folders are ignored.
 *
 * @throws {TesseraError} ERR_DATA_FOLDER, ERR_DATA_CLASSES (which folders are missing and which are not of the study) or
 *   ERR_DATA_CLASS_EMPTY.
 */
export async function listFolder(dir: string, options: ListOptions): Promise<TileListing> {
  const parts = await partFolders(dir, options)
  if (parts === null) return { ...(await listPart(dir, 'train', options)), hasParts: false }
  const listings: Omit<TileListing, 'hasParts'>[] = []
  for (const [part, folder] of parts) {
    // A class may be missing from what is only judged by.
    const lenient = { ...options, allowMissingClasses: options.allowMissingClasses || part !== 'train' }
    listings.push(await listPart(join(dir, folder), part, lenient))
  }
  return {
    tiles: listings.flatMap(({ tiles }) => tiles),
    hasParts: true,
    otherFiles: listings.reduce((sum, { otherFiles }) => sum + otherFiles, 0),
    labels: sumsByLabel(listings.flatMap(({ labels }) => labels)),
  }
}

async function listPart(
  dir: string,
  part: Part,
  options: ListOptions,
): Promise<Omit<TileListing, 'hasParts'>> {
  const { classes, allowMissingClasses } = options
  const folders = await foldersOfClasses(dir, options)
  const tiles: ListedTile[] = []
  const labels: LabelUse[] = []
  let otherFiles = 0
  for (const [label, className] of classes.entries()) {
    let [found, others] = [0, 0]
    // The class comes from outside; only a name that the folder itself listed is ever opened.
    for (const folder of folders.get(label) ?? []) {
      const names = await visibleNames(join(dir, folder))
      const files = names.filter((entry) => TILE_NAME.test(entry)).map((entry) => join(dir, folder, entry))
      for (const file of files) tiles.push({ origin: file, name: file, label, part })
      labels.push({ label: folder.normalize('NFC'), className, tiles: files.length })
      found += files.length
      others += names.length - files.length
    }
    otherFiles += others
    if (found > 0 || allowMissingClasses) continue
    throw new TesseraError(
      'ERR_DATA_CLASS_EMPTY',
      `class ${className} must have at least 1 .png, .jpg or .jpeg file, got ${others} other files`,
    )
  }
  return { tiles, otherFiles, labels }
}

/** Folders of each class by its index. @throws {TesseraError} ERR_DATA_FOLDER, ERR_DATA_CLASSES */
async function foldersOfClasses(dir: string, options: ListOptions): Promise<Map<number, string[]>> {
  const { classes, allowMissingClasses, labelMap } = options
  const labelOf = createLabeller(classes, labelMap)
  const folders = new Map<number, string[]>()
  const extra: string[] = []
  for (const name of await visibleFolders(dir)) {
    const label = labelOf(name)
    if (label === undefined) extra.push(name.normalize('NFC'))
    else if (label !== null) folders.set(label, [...(folders.get(label) ?? []), name])
  }
  const missing = allowMissingClasses ? [] : classes.filter((_, label) => !folders.has(label))
  if (missing.length === 0 && extra.length === 0) return folders
  const faults = [
    missing.length > 0 ? `no folder for ${missing.join(', ')}` : '',
    extra.length > 0 ? `folders that are no class of the study: ${extra.join(', ')}` : '',
  ].filter(Boolean)
  throw new TesseraError(
    'ERR_DATA_CLASSES',
    `data must have one folder for each of ${classes.join(', ')}, got ${faults.join(' and ')}`,
  )
}

/** Folders of the parts, when the data are divided so: all folders are named as parts, and none is a class. */
async function partFolders(dir: string, options: ListOptions): Promise<[Part, string][] | null> {
  const labelOf = createLabeller(options.classes, options.labelMap)
  const parts: [Part, string][] = []
  for (const name of await visibleFolders(dir)) {
    const part = partNamed(name)
    if (part === null || labelOf(name) !== undefined) return null
    parts.push([part, name])
  }
  return parts.length === 0 ? null : parts
}

async function visibleFolders(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((cause: unknown) => {
    throw new TesseraError('ERR_DATA_FOLDER', 'data must be a folder that can be read, got none there', {
      cause,
    })
  })
  return entries
    .filter((entry) => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isSymbolicLink()))
    .map((entry) => entry.name)
    .toSorted(byCodeUnits)
}

async function visibleNames(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch((cause: unknown) => {
    throw new TesseraError('ERR_DATA_FOLDER', 'class folder must be readable, got an error', { cause })
  })
  return names.filter((name) => !name.startsWith('.')).toSorted(byCodeUnits)
}

// Code units, not a locale: the order decides which tile a seed picks.
function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function sumsByLabel(uses: readonly LabelUse[]): LabelUse[] {
  const sums = new Map<string, LabelUse>()
  for (const use of uses) {
    sums.set(use.label, { ...use, tiles: use.tiles + (sums.get(use.label)?.tiles ?? 0) })
  }
  return [...sums.values()]
}
