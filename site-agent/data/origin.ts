/** @file Where a tile's pixels come from, in a form that threads can exchange. */

import type { SlideTile } from './wsi/read-slide-tile.ts'

/** Pixels that are in memory already, of any size. */
export interface RawTile {
  /** `[height, width, 3]`, row by row; a view of shared memory, so that no thread gets a copy. */
  readonly pixels: Uint8Array
  readonly width: number
  readonly height: number
}

/** A file's path, a part of a slide, or pixels. */
export type TileOrigin = string | SlideTile | RawTile
