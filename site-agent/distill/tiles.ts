/** @file What training sees of a site's data: batches of numbers. Only site-agent/data knows where they come from. */
import type { Study } from '@tessera/shared/protocol'
import type { Random } from '@tessera/shared/random'

/** A batch of tiles. */
export interface TileBatch {
  /**
   * `[size, sizePx, sizePx, 3]`, normalised by ImageNet's mean and deviation. Valid until the next batch is asked for: the memory is then
   * written to again. It may be shared between threads; copy what must last.
   */
  readonly images: Float32Array
  readonly labels: Int32Array // [size], index into the study's classes
  readonly indices: Int32Array // [size], each tile's place in its source
  readonly size: number
}

/** How tiles are read. */
export interface BatchOptions {
  /** Order and augmentation hang on it; null: the files' own order, no augmentation. */
  readonly random: Random | null
  readonly batchSize: number
  readonly augment: Study['training']['augment']
}

/** A folder of labelled tiles, read as often as needed. */
export interface TileSource {
  readonly sizePx: number
  readonly count: number
  /** Class of each tile, by its place in the source. */
  readonly labels: Int32Array
  /** Tiles of each class, in the study's order. */
  readonly classCounts: readonly number[]
  /** Files that were no usable tile. */
  readonly skipped: number
  /** Prepares batches ahead of the reader while it works; leaving the loop early stops that. */
  batches(options: BatchOptions): AsyncIterable<TileBatch>
}
