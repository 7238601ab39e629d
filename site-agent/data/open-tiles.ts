/**
 * @file Opens a site's folder of labelled tiles: every file is decoded once, the bad ones are counted, and what is left becomes a source of
 * batches. Nothing that this file returns leaves the site except counts.
 */
import { availableParallelism } from 'node:os'
import { TesseraError } from '@tessera/shared/errors'
import { type DividedSource, tileSource } from './batches.ts'
import type { SkipReason } from './decode.ts'
import { listTiles } from './folder.ts'
import { surveyTiles } from './survey.ts'
import { Tally } from './tally.ts'
import type { TilePath } from './tile-job.ts'
import type { SlideSkipReason } from './wsi/cut-slide.ts'
import { listSlideTiles, type SlideReport } from './wsi/list-slide-tiles.ts'
import { isSlideFolder } from './wsi/slide-folder.ts'

/** Decoded tiles are kept up to this many bytes (87,000 tiles of 64 px, 7,000 of 224 px); a larger set is decoded again for each batch. */
const MEMORY_BUDGET_BYTES = 1024 * 1024 * 1024

export interface OpenTilesOptions {
  /** Holds one folder a class, or slides. */
  readonly dir: string
  /** The study's classes, in its order: a label is an index into it. */
  readonly classes: readonly string[]
  readonly sizePx: number
  /** Share of files, 0 to 1, that may be unreadable or no RGB image. More, and the set is not what its owner thinks it is. */
  readonly maxBadShare?: number
  /** Accepts a class without tiles (label skew). One class alone is refused all the same. */
  readonly allowMissingClasses?: boolean
  /** `evaluation` accepts a single class: there is nothing to learn from it, but accuracy is defined. */
  readonly purpose?: 'training' | 'evaluation'
  readonly memoryBudgetBytes?: number
  /** Threads that prepare tiles; 0: the main thread. The tiles are the same for any number. Default: one a core, none for a small set. */
  readonly workers?: number
  /** Called once a skipped file, for the operator's own screen. */
  readonly onSkipped?: (path: string, reason: SkipReason | SlideSkipReason) => void
}

/** What was found, as counts: no name, no path. */
export interface DataReport {
  /** Tiles that can be used. */
  readonly tiles: number
  readonly classCounts: readonly { readonly name: string; readonly tiles: number }[]
  readonly skipped: Readonly<Record<SkipReason, number>>
  /** Tiles with the same pixels as an earlier one. */
  readonly duplicates: number
  /** Of these, tiles whose twin has another label. */
  readonly contradictions: number
  /** Tiles of another size than the study's. */
  readonly resized: number
  /** Files of class folders that are no .png, .jpg or .jpeg. */
  readonly otherFiles: number
  readonly missingClasses: readonly string[]
  /** False when the set is larger than the memory budget. */
  readonly inMemory: boolean
  /** Of a folder of slides. */
  readonly slides?: SlideReport
}

/**
 * Reads `dir/CLASS/*.{png,jpg,jpeg}`, or tiles of the slides in `dir`.
 *
 * @throws {TesseraError} ERR_DATA_FOLDER, ERR_DATA_CLASSES, ERR_DATA_CLASS_EMPTY, ERR_DATA_ONE_CLASS or ERR_DATA_TOO_MANY_BAD; what listSlideTiles throws.
 */
export async function openTiles(options: OpenTilesOptions): Promise<DividedSource & { report: DataReport }> {
  const {
    dir,
    classes,
    sizePx,
    maxBadShare = 0.05,
    allowMissingClasses = false,
    purpose = 'training',
  } = options
  const folder = (await isSlideFolder(dir))
    ? await listSlideTiles({ dir, classes, sizePx, maxBadShare, onSkipped: options.onSkipped })
    : await listTiles({ dir, classes, allowMissingClasses })
  const budget = options.memoryBudgetBytes ?? MEMORY_BUDGET_BYTES
  const inMemory = folder.files.length * sizePx * sizePx * 3 <= budget

  const workers = options.workers ?? defaultWorkers(folder.files.length * sizePx * sizePx)
  const store = inMemory ? sharedBytes(folder.files.length * sizePx * sizePx * 3) : null

  const tally = new Tally(folder.files.length, maxBadShare)
  const kept: { path: TilePath; label: number; slot: number }[] = []
  const paths = folder.files.map(({ path }) => path)
  for await (const { index, ...finding } of surveyTiles({ paths, sizePx, store, workers })) {
    const { path, label } = folder.files[index] as (typeof folder.files)[number]
    if ('skipped' in finding) {
      tally.skip(finding.skipped)
      options.onSkipped?.(typeof path === 'string' ? path : path.slide, finding.skipped)
    } else {
      tally.keep(label, finding)
      kept.push({ path, label, slot: index })
    }
  }

  const source = tileSource(
    {
      sizePx,
      labels: Int32Array.from(kept, ({ label }) => label),
      paths: kept.map(({ path }) => path),
      store,
      slots: Int32Array.from(kept, ({ slot }) => slot),
    },
    { classes: classes.length, skipped: tally.skippedCount(), workers },
  )
  const missing = classes.filter((_, label) => source.classCounts[label] === 0)
  assertUsable(classes, missing, allowMissingClasses, purpose)
  return {
    ...source,
    report: {
      tiles: source.count,
      classCounts: classes.map((name, label) => ({ name, tiles: source.classCounts[label] ?? 0 })),
      skipped: tally.skipped,
      duplicates: tally.duplicates,
      contradictions: tally.contradictions,
      resized: tally.resized,
      otherFiles: folder.otherFiles,
      missingClasses: missing,
      inMemory,
      ...('slides' in folder ? { slides: folder.slides } : {}),
    },
  }
}

/** A thread takes a third of a second to start: as long as preparing this many pixels on the main thread. */
const WORTH_A_THREAD_PIXELS = 1 << 22
/** More threads than this wait for the disk. */
const MOST_WORKERS = 8

function defaultWorkers(pixels: number): number {
  return pixels < WORTH_A_THREAD_PIXELS ? 0 : Math.min(MOST_WORKERS, availableParallelism())
}

function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length))
}

/** Judges what is left after the bad tiles are gone. @throws {TesseraError} ERR_DATA_CLASS_EMPTY, ERR_DATA_ONE_CLASS */
function assertUsable(
  classes: readonly string[],
  missing: readonly string[],
  allowMissing: boolean,
  purpose: 'training' | 'evaluation',
): void {
  if (missing.length > 0 && !allowMissing) {
    throw new TesseraError(
      'ERR_DATA_CLASS_EMPTY',
      `class ${missing[0]} must have at least 1 readable RGB tile, got 0`,
    )
  }
  const present = classes.length - missing.length
  if (present === 0) {
    throw new TesseraError('ERR_DATA_CLASS_EMPTY', 'data must have tiles of at least 2 classes, got none')
  }
  if (present === 1 && purpose === 'training') {
    const only = classes.find((name) => !missing.includes(name))
    throw new TesseraError(
      'ERR_DATA_ONE_CLASS',
      `data must have tiles of at least 2 classes, got only ${only}`,
    )
  }
}
