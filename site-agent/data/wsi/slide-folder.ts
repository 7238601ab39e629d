/** @file A folder of slides: which files are slides, and which of the others are drawn on them. */
import { readdir, stat } from 'node:fs/promises'
import { join, parse } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { SETTINGS_FILE } from './slide-settings.ts'

export interface SlideFile {
  readonly name: string
  readonly path: string
  /** File of annotations; null: nothing was drawn. */
  readonly annotations: string | null
}

export interface SlideFolder {
  /** By name, as code units. */
  readonly slides: readonly SlideFile[]
  /** Visible files that are neither slides nor belong to one. */
  readonly otherFiles: number
}

/** Formats that the library opens by one file; .mrxs keeps its pixels in a folder of the same name. */
const SLIDE_NAME = /\.(svs|tiff?|ndpi|mrxs|scn|bif|svslide|vms|vmu)$/i
/** A folder has one kind: the first that is there. */
const ANNOTATION_ENDINGS = ['.geojson', '.csv']

/**
 * True for a folder that has a slides.yaml, or slides and no class folders: a stray .tif beside folders of tiles makes no slide folder.
 * False when it cannot be read: who reads it next says why.
 */
export async function isSlideFolder(dir: string): Promise<boolean> {
  const { files, folders } = await entriesOf(dir).catch((): Entries => ({ files: [], folders: [] }))
  if (files.includes(SETTINGS_FILE)) return true
  const slides = files.filter((name) => SLIDE_NAME.test(name))
  const own = new Set(slides.map((name) => parse(name).name))
  return slides.length > 0 && folders.every((name) => own.has(name))
}

/** Lists the slides and what is drawn on each: SLIDE.svs with SLIDE.geojson or SLIDE.svs.geojson, or .csv. @throws {TesseraError} ERR_DATA_FOLDER */
export async function listSlides(dir: string): Promise<SlideFolder> {
  const { files } = await entriesOf(dir).catch((cause: unknown) => {
    throw new TesseraError('ERR_DATA_FOLDER', 'data must be a folder that can be read, got none there', {
      cause,
    })
  })
  const present = new Set(files)
  const names = files.filter((name) => SLIDE_NAME.test(name))
  if (names.length === 0) {
    throw new TesseraError('ERR_DATA_FOLDER', 'data must have at least 1 slide, got none')
  }
  const slides = names.map((name) => {
    const stem = parse(name).name
    const drawn = ANNOTATION_ENDINGS.flatMap((ending) => [name + ending, stem + ending])
    const found = drawn.find((candidate) => present.has(candidate))
    return { name, path: join(dir, name), annotations: found === undefined ? null : join(dir, found) }
  })
  const used = new Set(slides.flatMap(({ annotations }) => annotations ?? [])).size
  const settings = present.has(SETTINGS_FILE) ? 1 : 0
  return { slides, otherFiles: files.length - slides.length - used - settings }
}

interface Entries {
  readonly files: readonly string[]
  readonly folders: readonly string[]
}

async function entriesOf(dir: string): Promise<Entries> {
  const entries = await readdir(dir, { withFileTypes: true })
  const visible = entries
    .filter(({ name }) => !name.startsWith('.'))
    // Code units, not a locale: the order decides which tile a seed picks.
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  const [files, folders]: [string[], string[]] = [[], []]
  for (const entry of visible) {
    // Large slides are often linked, and so are class folders.
    const isFolder = entry.isSymbolicLink() ? await leadsToFolder(join(dir, entry.name)) : entry.isDirectory()
    ;(isFolder ? folders : files).push(entry.name)
  }
  return { files, folders }
}

async function leadsToFolder(link: string): Promise<boolean> {
  return (await stat(link).catch(() => null))?.isDirectory() ?? false
}
