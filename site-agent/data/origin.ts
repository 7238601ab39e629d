/** @file Where a tile's pixels come from, in a form that threads can exchange. */

/** Pixels that are in memory already, of any size. */
export interface RawTile {
  /** `[height, width, 3]`, row by row; a view of shared memory, so that no thread gets a copy. */
  readonly pixels: Uint8Array
  readonly width: number
  readonly height: number
}

/** A file's path, or pixels. */
export type TileOrigin = string | RawTile
