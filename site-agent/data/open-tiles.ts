/**
 * @file Opens a site's labelled tiles: every one is decoded once, the bad ones are counted, and what is left of one part becomes a source of
 * batches. Nothing that this file returns leaves the site except counts.
 */
import { TesseraError } from '@tessera/shared/errors'
import type { TileSource } from '../distill/index.ts'
import { tileSource } from './batches.ts'
import type { SkipReason } from './decode.ts'
import type { LabelMap } from './label-map.ts'
import { listTiles } from './list-tiles.ts'
import type { ColumnNames } from './manifest/columns.ts'
import { type ReadOptions, type ReadTiles, readTiles } from './read-tiles.ts'
import { type DataReport, reportOf } from './report.ts'
import { leakageFault } from './splits/leakage.ts'
import type { ListedTile, Part } from './splits/part.ts'
import type { SplitRule } from './splits/rule.ts'
import { fitStainOf, type StainPlan, stainPlan } from './stain-plan.ts'
import type { SlideSkipReason } from './wsi/cut-slide.ts'

/** What the owner of the data says about them. */
export interface DataRules {
  /** Share of files, 0 to 1, that may be unreadable or no RGB image. More, and the set is not what its owner thinks it is. */
  readonly maxBadShare?: number | undefined
  /** Accepts a class without tiles (label skew). One class alone is refused all the same. */
  readonly allowMissingClasses?: boolean | undefined
  /** Which class a label of the data is, where they are not called the same. */
  readonly labelMap?: LabelMap | undefined
  /** Names of a manifest's columns. */
  readonly columns?: ColumnNames | undefined
  /** Divides data that do not say their parts themselves. Absent: all of them are trained on. */
  readonly split?: SplitRule | undefined
  /** Largest distance of near-duplicates, in bits of 64; null: they are not looked for. */
  readonly nearBits?: number | null | undefined
}

export interface OpenTilesOptions extends DataRules {
  /** A folder with one folder a class or of slides, a manifest, or an .npz file. */
  readonly dir: string
  /** The study's classes, in its order: a label is an index into it. */
  readonly classes: readonly string[]
  readonly sizePx: number
  /** The part to open, `train` by default; data that are not divided are all of it. */
  readonly part?: Part
  /** `evaluation` accepts a single class: there is nothing to learn from it, but accuracy is defined. */
  readonly purpose?: 'training' | 'evaluation'
  /** `macenko`: tiles are given the stain of the reference. */
  readonly stain?: 'macenko' | undefined
  /** Fits the site's own stain even when tiles keep it: for the augmentation `flips-and-site-stain`. */
  readonly isStainFitted?: boolean
  readonly memoryBudgetBytes?: number
  /** Threads that prepare tiles; 0: the main thread. The tiles are the same for any number. Default: one a core, none for a small set. */
  readonly workers?: number
  /** Called once a skipped tile or slide, for the operator's own screen. */
  readonly onSkipped?: ((name: string, reason: SkipReason | SlideSkipReason) => void) | undefined
}

/** As far as the owner says nothing. */
const MAX_BAD_SHARE = 0.05

/**
 * Opens the tiles for training or evaluation.
 *
 * @throws {TesseraError} ERR_DATA_FOLDER, ERR_DATA_MANIFEST, ERR_DATA_NPZ, ERR_DATA_CLASSES, ERR_DATA_SPLIT, ERR_DATA_CLASS_EMPTY,
 *   ERR_DATA_ONE_CLASS, ERR_DATA_TOO_MANY_BAD, ERR_DATA_LEAKAGE or ERR_DATA_STAIN; what listSlideFolder throws.
 */
export async function openTiles(options: OpenTilesOptions): Promise<OpenedTiles> {
  const listing = await listTiles(listingOptions(options))
  const read = await readTiles(listing, readingOptions(options))
  const fault = dataFault(read, options)
  if (fault !== null) throw fault
  const stain = stainPlanOf(read, options)
  const heldOut = (part: Part): TileSource => sourceOf({ ...read, store: null }, { ...options, part }, stain)
  return {
    ...sourceOf(read, options, stain),
    report: reportOf(read, options.classes, partOf(options)),
    heldOut: { val: heldOut('val'), test: heldOut('test') },
  }
}

/** The tiles of one part, and where those are that are not trained on. */
export interface OpenedTiles extends TileSource {
  readonly report: DataReport
  /** By part; of one that the data do not have, without a tile. Their pixels are not kept: each is decoded when it is needed. */
  readonly heldOut: Readonly<Record<Exclude<Part, 'train'>, TileSource>>
}

/** Options as reading takes them. */
export function readingOptions(options: OpenTilesOptions): ReadOptions {
  const { maxBadShare = MAX_BAD_SHARE } = options
  return { ...options, parts: [partOf(options)], maxBadShare, isMeasured: needsStain(options) }
}

export function listingOptions(options: OpenTilesOptions): Parameters<typeof listTiles>[0] {
  const { maxBadShare = MAX_BAD_SHARE, allowMissingClasses = false } = options
  return { ...options, maxBadShare, allowMissingClasses }
}

/** The good tiles of the part, as a source of batches. @param stain Of {@link stainPlanOf}: one for all parts of a reading. */
export function sourceOf(read: ReadTiles, options: OpenTilesOptions, stain: StainPlan | null): TileSource {
  const { listing, good, store, slots, tally, workers } = read
  const places = good.filter((place) => listing.tiles[place]?.part === partOf(options))
  const tiles = places.map((place) => listing.tiles[place] as ListedTile)
  return tileSource(
    {
      sizePx: options.sizePx,
      labels: Int32Array.from(tiles, ({ label }) => label),
      origins: tiles.map(({ origin }) => origin),
      store,
      slots: Int32Array.from(places, (place) => slots[place] as number),
      stain,
    },
    { classes: options.classes.length, skipped: tally.skippedCount(), workers },
  )
}

/** How the tiles' stain is changed; null: they keep it. @throws {TesseraError} ERR_DATA_STAIN */
export function stainPlanOf(
  { measures, listing, good }: ReadTiles,
  options: OpenTilesOptions,
): StainPlan | null {
  if (!needsStain(options) || measures === null) return null
  const learned = good.filter((place) => listing.tiles[place]?.part === 'train')
  // A test part is changed as the tiles were that the student has learned from.
  return stainPlan(fitStainOf(measures, learned.length > 0 ? learned : good), options.stain === 'macenko')
}

/** Why the data cannot be used as they are; null when they can. */
export function dataFault(read: ReadTiles, options: OpenTilesOptions): TesseraError | null {
  const bad = read.tally.fault(options.maxBadShare ?? MAX_BAD_SHARE)
  return bad ?? classesFault(read, options) ?? leakageFault(read.similarity.leaks)
}

/** Judges what is left of the part after the bad tiles are gone. */
function classesFault(read: ReadTiles, options: OpenTilesOptions): TesseraError | null {
  const { classes, allowMissingClasses = false, purpose = 'training' } = options
  const { classCounts } = reportOf(read, classes, partOf(options))
  const missing = classCounts.filter(({ tiles }) => tiles === 0)
  if (missing[0] !== undefined && !allowMissingClasses) {
    return new TesseraError(
      'ERR_DATA_CLASS_EMPTY',
      `class ${missing[0].name} must have at least 1 readable RGB tile, got 0`,
    )
  }
  const present = classes.length - missing.length
  if (present === 0) {
    return new TesseraError('ERR_DATA_CLASS_EMPTY', 'data must have tiles of at least 2 classes, got none')
  }
  if (present > 1 || purpose === 'evaluation') return null
  const only = classCounts.find(({ tiles }) => tiles > 0)?.name
  return new TesseraError(
    'ERR_DATA_ONE_CLASS',
    `data must have tiles of at least 2 classes, got only ${only}`,
  )
}

function partOf({ part = 'train' }: OpenTilesOptions): Part {
  return part
}

function needsStain({ stain, isStainFitted = false }: OpenTilesOptions): boolean {
  return stain !== undefined || isStainFitted
}
