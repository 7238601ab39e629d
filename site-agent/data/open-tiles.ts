/**
 * @file Opens a site's folder of labelled tiles: every file is decoded once, the bad ones are counted, and what is left becomes a source of
 * batches. Nothing that this file returns leaves the site except counts.
 */
import { createHash } from 'node:crypto'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import type { TileSource } from '../distill/index.ts'
import { tileSource } from './batches.ts'
import { decodeTile, isSkipReason, SKIP_REASONS, type SkipReason } from './decode.ts'
import { listTiles, type TileFile } from './folder.ts'

/** Files decoded at the same time: libuv's default number of threads. */
const PARALLEL_DECODES = 4
/** Decoded tiles are kept up to this many bytes (87,000 tiles of 64 px, 7,000 of 224 px); a larger set is decoded again for each batch. */
const MEMORY_BUDGET_BYTES = 1024 * 1024 * 1024

export interface OpenTilesOptions {
  /** Holds one folder a class. */
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
  /** Called once a skipped file, for the operator's own screen. */
  readonly onSkipped?: (path: string, reason: SkipReason) => void
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
}

/**
 * Reads `dir/CLASS/*.{png,jpg,jpeg}`.
 *
 * @throws {TesseraError} ERR_DATA_FOLDER, ERR_DATA_CLASSES, ERR_DATA_CLASS_EMPTY, ERR_DATA_ONE_CLASS or ERR_DATA_TOO_MANY_BAD.
 */
export async function openTiles(options: OpenTilesOptions): Promise<TileSource & { report: DataReport }> {
  const {
    dir,
    classes,
    sizePx,
    maxBadShare = 0.05,
    allowMissingClasses = false,
    purpose = 'training',
  } = options
  const folder = await listTiles({ dir, classes, allowMissingClasses })
  const budget = options.memoryBudgetBytes ?? MEMORY_BUDGET_BYTES
  const inMemory = folder.files.length * sizePx * sizePx * 3 <= budget

  const survey = new Survey(folder.files.length, maxBadShare)
  const kept: { file: TileFile; pixels: Uint8Array | null }[] = []
  await decodeAll(folder.files, sizePx, (file, outcome) => {
    if ('skipped' in outcome) {
      survey.skip(outcome.skipped)
      options.onSkipped?.(file.path, outcome.skipped)
    } else {
      survey.keep(file.label, outcome.pixels, outcome.resized)
      kept.push({ file, pixels: inMemory ? outcome.pixels : null })
    }
  })

  const source = tileSource(
    {
      sizePx,
      labels: Int32Array.from(kept, ({ file }) => file.label),
      pixels(index) {
        const tile = kept[index] as (typeof kept)[number]
        return tile.pixels ?? decodeTile(tile.file.path, sizePx).then(({ pixels }) => pixels)
      },
    },
    classes.length,
    survey.skippedCount(),
  )
  const missing = classes.filter((_, label) => source.classCounts[label] === 0)
  assertUsable(classes, missing, allowMissingClasses, purpose)
  return {
    ...source,
    report: {
      tiles: source.count,
      classCounts: classes.map((name, label) => ({ name, tiles: source.classCounts[label] ?? 0 })),
      skipped: survey.skipped,
      duplicates: survey.duplicates,
      contradictions: survey.contradictions,
      resized: survey.resized,
      otherFiles: folder.otherFiles,
      missingClasses: missing,
      inMemory,
    },
  }
}

type Outcome = { pixels: Uint8Array; resized: boolean } | { skipped: SkipReason }

/** Decodes in parallel and reports in the files' order, whatever finishes first. */
async function decodeAll(
  files: readonly TileFile[],
  sizePx: number,
  report: (file: TileFile, outcome: Outcome) => void,
): Promise<void> {
  for (let start = 0; start < files.length; start += PARALLEL_DECODES) {
    const group = files.slice(start, start + PARALLEL_DECODES)
    const outcomes = await Promise.all(group.map(({ path }) => decodeOrReason(path, sizePx)))
    for (const [i, outcome] of outcomes.entries()) report(group[i] as TileFile, outcome)
  }
}

async function decodeOrReason(path: string, sizePx: number): Promise<Outcome> {
  try {
    return await decodeTile(path, sizePx)
  } catch (thrown) {
    const { code } = asTesseraError(thrown)
    if (isSkipReason(code)) return { skipped: code }
    throw thrown
  }
}

/** Counts while the files go by, and stops when too many are bad. */
class Survey {
  readonly skipped: Record<SkipReason, number> = {
    ERR_DATA_TILE_UNREADABLE: 0,
    ERR_DATA_TILE_NOT_RGB: 0,
    ERR_DATA_TILE_TOO_LARGE: 0,
  }
  duplicates = 0
  contradictions = 0
  resized = 0
  readonly #labels = new Map<string, number>()
  readonly #files: number
  readonly #maxBadShare: number

  constructor(files: number, maxBadShare: number) {
    this.#files = files
    this.#maxBadShare = maxBadShare
  }

  keep(label: number, pixels: Uint8Array, resized: boolean): void {
    if (resized) this.resized++
    const digest = createHash('sha256').update(pixels).digest('base64')
    const earlier = this.#labels.get(digest)
    if (earlier === undefined) {
      this.#labels.set(digest, label)
      return
    }
    this.duplicates++
    if (earlier !== label) this.contradictions++
  }

  skip(reason: SkipReason): void {
    this.skipped[reason]++
    const bad = this.skippedCount()
    if (bad <= this.#maxBadShare * this.#files) return
    const reasons = SKIP_REASONS.filter((name) => this.skipped[name] > 0).map(
      (name) => `${name} ${this.skipped[name]}`,
    )
    throw new TesseraError(
      'ERR_DATA_TOO_MANY_BAD',
      `at most ${this.#maxBadShare * 100} % of ${this.#files} tiles must be bad, got ${bad} so far (${reasons.join(', ')})`,
    )
  }

  skippedCount(): number {
    return SKIP_REASONS.reduce((sum, reason) => sum + this.skipped[reason], 0)
  }
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
