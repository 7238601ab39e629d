/**
 * @file One piece of work on tiles, and how one tile of it is done: the same function in a worker thread and on the main thread. All results go
 * to shared memory at the tile's own place, so that neither the number of threads nor their order can change a bit.
 */
import { createHash } from 'node:crypto'
import { asTesseraError } from '@tessera/shared/errors'
import { resumeRandom } from '@tessera/shared/random'
import { type AugmentName, drawAugmentation, UNCHANGED } from './augment.ts'
import { isSkipReason, SKIP_REASONS } from './decode.ts'
import { normaliseStain } from './macenko/normalise.ts'
import { type Measures, measureTile } from './measures/measure.ts'
import type { TileOrigin } from './origin.ts'
import { readTile } from './read-tile.ts'
import type { StainPlan } from './stain-plan.ts'
import { threadMemory } from './wasm/tile-memory.ts'
import { writeTile } from './write-tile.ts'

interface Work {
  readonly sizePx: number
  /** Where the tiles come from; null when all are decoded in `store`. */
  readonly origins: readonly TileOrigin[] | null
  /** Decoded tiles, `[slots, sizePx, sizePx, 3]`, shared; null when the set does not fit. */
  readonly store: Uint8Array | null
  /** Each tile's place in `store`; {@link NOT_KEPT}: it has none. */
  readonly slots: Int32Array
  /** Shared: tiles handed out, tiles finished. */
  readonly progress: Int32Array
}

/** Writes a batch. */
export interface BatchJob extends Work {
  readonly kind: 'batch'
  /** `[tiles, sizePx, sizePx, 3]`, shared. */
  readonly images: Float32Array
  readonly augment: AugmentName
  /** 4 numbers a tile: the state of its own random stream. Null: tiles stay as they are. */
  readonly streams: Uint32Array | null
  /** What the site's stain has to do with it; null: nothing. */
  readonly stain: StainPlan | null
}

/** Looks at files for the first time, and fills `store`. */
export interface SurveyJob extends Work {
  readonly kind: 'survey'
  /** Shared, 1 byte a tile: {@link GOOD}, {@link RESIZED}, or {@link BAD} and more: which of SKIP_REASONS. */
  readonly outcomes: Uint8Array
  /** Shared, {@link DIGEST_BYTES} a tile: SHA-256 of its pixels. */
  readonly digests: Uint8Array
  /** Of all tiles of the survey, shared; null: nothing is measured. */
  readonly measures: Measures | null
  /** Place of the job's first tile among them. */
  readonly first: number
}

export type TileJob = BatchJob | SurveyJob

export const GOOD = 0
export const RESIZED = 1
export const BAD = 2
export const DIGEST_BYTES = 32
/** Of a tile that is only looked at. */
export const NOT_KEPT = -1

/** Number of tiles of a job. */
export function tilesOf(job: TileJob): number {
  return job.slots.length
}

/** Does the `i`-th tile of a job. @throws {TesseraError} What readTile throws, of a batch; a survey only notes a bad tile. */
export async function doTile(job: TileJob, i: number): Promise<void> {
  if (job.kind === 'survey') return surveyTile(job, i)
  const stored = storedTile(job, i)
  if (stored !== null) writeTileOf(job, i, stored)
  else
    await readTile(originOf(job, i), job.sizePx, threadMemory(), ({ pixels }) => writeTileOf(job, i, pixels))
}

function writeTileOf(job: BatchJob, i: number, pixels: Uint8Array): void {
  const { images, sizePx, streams, augment, stain } = job
  const memory = threadMemory()
  const drawn = streams === null ? UNCHANGED : drawAugmentation(streamOf(streams, i), augment, stain?.colours)
  const own = stain?.change ? normaliseStain(memory, pixels, sizePx, stain.change) : pixels
  writeTile(memory, images, i * sizePx * sizePx * 3, own, sizePx, drawn)
}

function streamOf(streams: Uint32Array, i: number): ReturnType<typeof resumeRandom> {
  const [a = 0, b = 0, c = 0, d = 0] = streams.subarray(i * 4, i * 4 + 4)
  return resumeRandom('tile', [a, b, c, d])
}

async function surveyTile(job: SurveyJob, i: number): Promise<void> {
  try {
    await readTile(originOf(job, i), job.sizePx, threadMemory(), ({ pixels, resized }) => {
      storedTile(job, i)?.set(pixels)
      job.digests.set(createHash('sha256').update(pixels).digest(), i * DIGEST_BYTES)
      if (job.measures !== null) measureTile(job.measures, job.first + i, pixels, job.sizePx)
      job.outcomes[i] = resized ? RESIZED : GOOD
    })
  } catch (thrown) {
    const { code } = asTesseraError(thrown)
    if (!isSkipReason(code)) throw thrown
    job.outcomes[i] = BAD + SKIP_REASONS.indexOf(code)
  }
}

function storedTile({ store, slots, sizePx }: Work, i: number): Uint8Array | null {
  const bytes = sizePx * sizePx * 3
  const slot = slots[i] as number
  if (store === null || slot === NOT_KEPT) return null
  return store.subarray(slot * bytes, (slot + 1) * bytes)
}

function originOf({ origins }: Work, i: number): TileOrigin {
  return origins?.[i] ?? ''
}
