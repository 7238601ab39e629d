/** @file Opens what to train on and what to choose the best epoch by, of one reading: so that what both must not share is found. */
import { TesseraError } from '@tessera/shared/errors'
import type { TileSource } from '../distill/index.ts'
import { listTiles } from './list-tiles.ts'
import {
  dataFault,
  listingOptions,
  type OpenTilesOptions,
  readingOptions,
  sourceOf,
  stainPlanOf,
} from './open-tiles.ts'
import { readTiles } from './read-tiles.ts'
import { type DataReport, reportOf } from './report.ts'
import type { TileListing } from './splits/part.ts'
import { dividedListing, type SplitRule } from './splits/rule.ts'

export interface TrainingPartsOptions extends Omit<OpenTilesOptions, 'part' | 'purpose'> {
  /** Other data to choose by, in any form, whole where they are not divided. */
  readonly valDir?: string | undefined
  /** Divides data that do not say their parts themselves, where there are no others to choose by and `split` says nothing. */
  readonly otherwise: SplitRule
}

export interface TrainingParts {
  readonly training: TileSource
  readonly validation: TileSource
  readonly report: DataReport
}

/**
 * Opens the parts `train` and `val`; a part `test` is read for what it must not share with them, and is not opened.
 * @throws {TesseraError} ERR_USAGE if data are to be divided although there are others to choose by; ERR_DATA_SPLIT if nothing is left to choose by;
 * what openTiles throws.
 */
export async function openTrainingParts(options: TrainingPartsOptions): Promise<TrainingParts> {
  const read = await readTiles(await listParts(options), {
    ...readingOptions(options),
    parts: ['train', 'val'],
  })
  const fault = dataFault(read, options)
  if (fault !== null) throw fault
  const stain = stainPlanOf(read, options)
  const training = sourceOf(read, options, stain)
  const validation = sourceOf(read, { ...options, part: 'val' }, stain)
  if (validation.count === 0) {
    throw new TesseraError('ERR_DATA_SPLIT', 'data must have tiles in the part val to choose by, got none')
  }
  return { training, validation, report: reportOf(read, options.classes, 'train') }
}

async function listParts(options: TrainingPartsOptions): Promise<TileListing> {
  const { valDir, split, otherwise } = options
  const own = await listTiles(listingOptions(options))
  if (valDir === undefined) return own.hasParts ? own : dividedListing(own, otherwise)
  if (split !== undefined)
    throw new TesseraError('ERR_USAGE', 'data must be divided or have others to choose by, got both')
  // A class may be missing from what is only judged by.
  const others = await listTiles({ ...listingOptions(options), dir: valDir, allowMissingClasses: true })
  const part = others.hasParts ? 'val' : 'train'
  const chosenBy = others.tiles.filter((tile) => tile.part === part)
  return {
    ...own,
    hasParts: true,
    tiles: [
      ...own.tiles.filter((tile) => tile.part === 'train'),
      ...chosenBy.map((tile) => ({ ...tile, part: 'val' as const })),
    ],
  }
}
