/**
 * @file Tiles as batches for training and evaluation. A seeded order an epoch; each tile's augmentation hangs on the epoch and the
 * tile alone, so the bits do not depend on when, where or beside what a tile was prepared.
 */
import type { Random } from '@tessera/shared/random'
import type { BatchOptions, TileBatch, TileSource } from '../distill/index.ts'
import { type BatchRing, createBatchRing, lookAhead } from './batch-ring.ts'
import type { TileOrigin } from './origin.ts'
import type { StainPlan } from './stain-plan.ts'
import type { BatchJob } from './tile-job.ts'
import { createProgress } from './tile-queue.ts'
import { type RunningJob, runJob } from './tile-workers.ts'

/** The usable tiles of a site. */
export interface TileSet {
  readonly sizePx: number
  /** Class index of each tile. */
  readonly labels: Int32Array
  /** Where each tile comes from. */
  readonly origins: readonly TileOrigin[]
  /** Decoded tiles, `[slots, sizePx, sizePx, 3]`, shared; null: each is decoded when it is needed. */
  readonly store: Uint8Array | null
  /** Each tile's place in `store`. */
  readonly slots: Int32Array
  /** What the site's stain has to do with a batch; null: nothing. */
  readonly stain: StainPlan | null
}

export interface TileSourceOptions {
  readonly classes: number
  readonly skipped: number
  /** Threads that prepare batches; 0: the main thread. */
  readonly workers: number
  /** Hands a job out; tests count with their own. */
  readonly run?: (job: BatchJob, workers: number) => RunningJob
}

/** Builds the source that a trainer reads from. */
export function tileSource(tiles: TileSet, options: TileSourceOptions): TileSource {
  const classCounts = Array.from({ length: options.classes }, () => 0)
  for (const label of tiles.labels) classCounts[label] = (classCounts[label] ?? 0) + 1
  const ring = createBatchRing()
  const run = options.run ?? runJob
  return {
    sizePx: tiles.sizePx,
    count: tiles.labels.length,
    labels: tiles.labels,
    classCounts,
    skipped: options.skipped,
    batches: (batch) => batches(tiles, batch, ring, (job) => run(job, options.workers)),
  }
}

interface Prepared {
  readonly members: readonly number[]
  readonly memory: Float32Array
  readonly job: BatchJob
  readonly running: RunningJob
}

async function* batches(
  tiles: TileSet,
  { random, batchSize, augment }: BatchOptions,
  ring: BatchRing,
  run: (job: BatchJob) => RunningJob,
): AsyncGenerator<TileBatch> {
  const indices = Array.from(tiles.labels.keys())
  const order = random === null ? indices : random.shuffled(indices)
  // Drawn from the caller's stream: two epochs of one round differ, the same epoch of a repeated round does not.
  const epoch = random === null ? null : random.fork(`epoch/${random.uint32()}/${random.uint32()}`)
  const length = Math.min(batchSize, order.length) * tiles.sizePx * tiles.sizePx * 3
  const depth = lookAhead(length * 4)
  const ahead: Prepared[] = []
  let start = 0
  const prepare = (): void => {
    for (; ahead.length < depth && start < order.length; start += batchSize) {
      const members = order.slice(start, start + batchSize)
      const memory = ring.take(length)
      const job = batchJob(tiles, members, memory, epoch, augment)
      ahead.push({ members, memory, job, running: run(job) })
    }
  }
  try {
    for (prepare(); ahead.length > 0; ) {
      const { members, memory, job, running } = ahead[0] as Prepared
      await running.done
      ahead.shift()
      prepare()
      const labels = Int32Array.from(members, (i) => tiles.labels[i] as number)
      yield { images: job.images, labels, indices: Int32Array.from(members), size: members.length }
      // The reader asked for the next one, so it has done with this one.
      ring.giveBack(memory)
    }
  } finally {
    // Left early, by the reader or by an error: memory that a thread may still write to is not given back.
    for (const { running } of ahead) running.cancel()
  }
}

function batchJob(
  { sizePx, origins, store, slots, stain }: TileSet,
  members: readonly number[],
  memory: Float32Array,
  epoch: Random | null,
  augment: BatchJob['augment'],
): BatchJob {
  return {
    kind: 'batch',
    sizePx,
    origins: store === null ? members.map((i) => origins[i] as TileOrigin) : null,
    store,
    slots: Int32Array.from(members, (i) => slots[i] as number),
    images: memory.subarray(0, members.length * sizePx * sizePx * 3),
    streams:
      epoch === null ? null : Uint32Array.from(members.flatMap((i) => epoch.fork(`tile/${i}`).state())),
    augment,
    stain,
    progress: createProgress(),
  }
}
