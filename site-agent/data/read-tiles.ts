/** @file Reads every tile of a listing once: what is good, what is not, the pixels of the parts that are asked for where there is room. */
import { availableParallelism } from 'node:os'
import { TesseraError } from '@tessera/shared/errors'
import type { SkipReason } from './decode.ts'
import { createMeasures, hashOf, type Measures } from './measures/measure.ts'
import { findLeaks, type SeenTile, type Similarity } from './splits/leakage.ts'
import type { Part, TileListing } from './splits/part.ts'
import { NEAR_BITS } from './splits/similar.ts'
import { surveyTiles } from './survey.ts'
import { Tally } from './tally.ts'
import { NOT_KEPT } from './tile-job.ts'

/** Decoded tiles are kept up to this many bytes (87,000 tiles of 64 px, 7,000 of 224 px); a larger set is decoded again for each batch. */
const MEMORY_BUDGET_BYTES = 1024 * 1024 * 1024

export interface ReadOptions {
  readonly sizePx: number
  /** The parts whose pixels are kept. */
  readonly parts: readonly Part[]
  /** Share of files, 0 to 1, that may be bad; reading stops at the first one more. */
  readonly maxBadShare: number
  readonly memoryBudgetBytes?: number | undefined
  readonly workers?: number | undefined
  /** Measures each tile even when nothing hangs on it. */
  readonly isMeasured: boolean
  /** Largest distance of near-duplicates; null: they are not looked for. */
  readonly nearBits?: number | null | undefined
  readonly onSkipped?: ((name: string, reason: SkipReason) => void) | undefined
  readonly onRead?: ((done: number, total: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ReadTiles {
  readonly listing: TileListing
  readonly tally: Tally
  /** Good tiles: places in the listing, in its order. */
  readonly good: readonly number[]
  /** What each good tile is to be compared by. */
  readonly seen: readonly SeenTile[]
  readonly similarity: Similarity
  /** By place in the listing; null: nothing was measured. */
  readonly measures: Measures | null
  /** Pixels of the parts that are kept; null when there are too many. */
  readonly store: Uint8Array | null
  /** By place in the listing. */
  readonly slots: Int32Array
  readonly workers: number
}

/** @throws {TesseraError} ERR_DATA_TOO_MANY_BAD, ERR_INTERRUPTED */
export async function readTiles(listing: TileListing, options: ReadOptions): Promise<ReadTiles> {
  const { sizePx, parts, maxBadShare, onSkipped, onRead, signal } = options
  const { tiles } = listing
  const { slots, kept } = slotsOf(listing, parts)
  const bytes = kept * sizePx * sizePx * 3
  const budget = options.memoryBudgetBytes ?? MEMORY_BUDGET_BYTES
  const store = bytes <= budget ? new Uint8Array(new SharedArrayBuffer(bytes)) : null
  const workers = options.workers ?? defaultWorkers(tiles.length * sizePx * sizePx)
  const measures = options.isMeasured || listing.hasParts ? createMeasures(tiles.length) : null

  const tally = new Tally(tiles.length)
  const good: number[] = []
  const seen: SeenTile[] = []
  const origins = tiles.map(({ origin }) => origin)
  for await (const { index, ...finding } of surveyTiles({
    origins,
    sizePx,
    store,
    slots,
    measures,
    workers,
  })) {
    if (signal?.aborted)
      throw new TesseraError('ERR_INTERRUPTED', 'tiles must be read to the end, got a stop')
    const tile = tiles[index] as (typeof tiles)[number]
    if ('skipped' in finding) {
      tally.skip(finding.skipped)
      onSkipped?.(tile.name, finding.skipped)
      const fault = tally.fault(maxBadShare)
      if (fault !== null) throw fault
    } else {
      tally.keep(tile.label, finding)
      good.push(index)
      seen.push({ tile, digest: finding.digest, hash: measures === null ? null : hashOf(measures, index) })
    }
    onRead?.(index + 1, tiles.length)
  }
  const nearBits = options.nearBits === undefined ? NEAR_BITS : options.nearBits
  const similarity = findLeaks(seen, measures === null ? null : nearBits)
  return { listing, tally, good, seen, similarity, measures, store, slots, workers }
}

/** Places in the store: one for each tile of the parts. */
function slotsOf({ tiles }: TileListing, parts: readonly Part[]): { slots: Int32Array; kept: number } {
  let kept = 0
  const slots = Int32Array.from(tiles, (tile) => (parts.includes(tile.part) ? kept++ : NOT_KEPT))
  return { slots, kept }
}

/** A thread takes a third of a second to start: as long as preparing this many pixels on the main thread. */
const WORTH_A_THREAD_PIXELS = 1 << 22
/** More threads than this wait for the disk. */
const MOST_WORKERS = 8

function defaultWorkers(pixels: number): number {
  return pixels < WORTH_A_THREAD_PIXELS ? 0 : Math.min(MOST_WORKERS, availableParallelism())
}
