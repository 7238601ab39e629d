/** @file How an owner wants data divided, and the division itself. */
import { TesseraError } from '@tessera/shared/errors'
import { createRandom } from '@tessera/shared/random'
import { divide, type Shares } from './divide.ts'
import { type ListedTile, PARTS, TIES, type TileListing } from './part.ts'

/** `auto`: patient, or else slide, or else group, whichever the data name. `tile`: nothing holds tiles together. */
export const SPLIT_BY = ['auto', ...TIES, 'tile'] as const
export type SplitBy = (typeof SPLIT_BY)[number]

export interface SplitRule {
  readonly shares: Shares
  readonly by: SplitBy
  /** The same seed and the same data give the same parts. */
  readonly seed: string
}

/**
 * Reads `TRAIN/VAL/TEST`, for instance 70/15/15 or 80/0/20: any numbers, their sum is the whole.
 *
 * @throws {TesseraError} ERR_USAGE
 */
export function parseShares(text: string): Shares {
  const numbers = text
    .split('/')
    .map((part) => (/^\d{1,6}(\.\d{1,6})?$/.test(part) ? Number(part) : Number.NaN))
  const [train = 0, val = 0, test = 0] = numbers
  const sum = train + val + test
  if (numbers.length !== PARTS.length || !(train > 0) || !(sum > train)) {
    throw new TesseraError(
      'ERR_USAGE',
      `--split must be TRAIN/VAL/TEST with tiles to train on and others, got ${text}`,
    )
  }
  return { train: train / sum, val: val / sum, test: test / sum }
}

/**
 * The listing with its tiles in parts.
 *
 * @throws {TesseraError} ERR_DATA_SPLIT if the data are divided already, or do not say what `by` asks for.
 */
export function dividedListing(listing: TileListing, rule: SplitRule): TileListing {
  if (listing.hasParts) {
    throw new TesseraError('ERR_DATA_SPLIT', 'data must not say their parts when --split is given, got both')
  }
  const key = keyOf(listing.tiles, rule.by)
  const divisible = listing.tiles.map((tile, i) => ({ label: tile.label, key: key(tile, i) }))
  const parts = divide(divisible, rule.shares, createRandom(`split/${rule.seed}`))
  return {
    ...listing,
    hasParts: true,
    tiles: listing.tiles.map((tile, i) => ({ ...tile, part: parts[i] ?? tile.part })),
  }
}

function keyOf(tiles: readonly ListedTile[], by: SplitBy): (tile: ListedTile, i: number) => string {
  if (by === 'tile') return (_, i) => String(i)
  const named = TIES.filter((tie) => tiles.some((tile) => tile[tie] !== undefined))
  const tie = by === 'auto' ? named[0] : named.find((name) => name === by)
  if (tie === undefined) {
    throw new TesseraError(
      'ERR_DATA_SPLIT',
      `data must name the ${by === 'auto' ? 'patient, slide or group' : by} of tiles to be divided by it, got none: write a manifest, or give --split-by tile if no two tiles are of one patient`,
    )
  }
  // A tile of nobody is a group of its own.
  return (tile, i) => (tile[tie] === undefined ? `tile ${i}` : `${tie} ${tile[tie]}`)
}
