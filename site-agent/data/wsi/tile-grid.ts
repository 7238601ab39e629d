/** @file Where the tiles of a slide lie: squares of a fixed size in micrometres, whatever the scanner's pixels are. */
import { TesseraError } from '@tessera/shared/errors'
import { type Level, MAX_REGION_PIXELS, type Rectangle, type Region, type Scale } from './slide.ts'

export interface GridOptions {
  readonly levels: readonly Level[]
  readonly scale: Scale
  readonly scanned: Rectangle
  /** Of a tile's pixels. */
  readonly micronsPerPixel: number
  readonly sizePx: number
  /** From one tile to the next, in a tile's pixels. */
  readonly stridePx: number
}

export interface TileGrid {
  readonly level: number
  /** Of a tile, in pixels of the level. Another size than `sizePx`: tiles are scaled. */
  readonly width: number
  readonly height: number
  /** Of a tile, in pixels of level 0. */
  readonly coveredWidth: number
  readonly coveredHeight: number
  /** Left edges and top edges, in pixels of level 0. Tiles lie within what was scanned. */
  readonly lefts: readonly number[]
  readonly tops: readonly number[]
}

/** A level this much coarser than wanted is still read: 20x is 0.46 to 0.51 µm per pixel, by scanner. More would be invented detail. */
const MOST_ENLARGED = 1.1
/** A slide of 100,000 pixels in a square has 200,000 tiles of 224; with a quarter of the stride 3 million, which no training sees twice. */
const MAX_PLACES = 2 ** 20

/**
 * Lays a grid over what was scanned. The level is the coarsest that is as fine as wanted, or finer; edges fall on its pixels, so that a tile of the wanted
 * scale is read as it was stored.
 *
 * @throws {TesseraError} ERR_SLIDE_SCALE when the slide is not fine enough or has no level near enough; ERR_SLIDE_TOO_LARGE when the grid has too many places.
 */
export function layGrid({
  levels,
  scale,
  scanned,
  micronsPerPixel,
  sizePx,
  stridePx,
}: GridOptions): TileGrid {
  const level = levelFor(levels, scale, micronsPerPixel)
  const { downsample } = levels[level] as Level
  const side = (axis: 'x' | 'y', pixels: number): number => (pixels * micronsPerPixel) / scale[axis]
  const width = Math.max(1, Math.round(side('x', sizePx) / downsample))
  const height = Math.max(1, Math.round(side('y', sizePx) / downsample))
  if (width * height > MAX_REGION_PIXELS) {
    throw new TesseraError(
      'ERR_SLIDE_SCALE',
      `slide must have a level near ${micronsPerPixel} µm per pixel, got ${width} x ${height} pixels for a tile`,
    )
  }
  const coveredWidth = width * downsample
  const coveredHeight = height * downsample
  const edges = (start: number, length: number, covered: number, stride: number): number[] => {
    const count = Math.floor((length - covered) / stride) + 1
    return Array.from({ length: Math.max(0, Math.min(count, MAX_PLACES + 1)) }, (_, i) =>
      Math.round(Math.round((start + i * stride) / downsample) * downsample),
    )
  }
  const lefts = edges(scanned.x, scanned.width, coveredWidth, side('x', stridePx))
  const tops = edges(scanned.y, scanned.height, coveredHeight, side('y', stridePx))
  if (lefts.length * tops.length > MAX_PLACES) {
    throw new TesseraError(
      'ERR_SLIDE_TOO_LARGE',
      `slide must have at most ${MAX_PLACES} places for tiles, got more: use a larger stridePx`,
    )
  }
  return { level, width, height, coveredWidth, coveredHeight, lefts, tops }
}

/** Index of the coarsest level of at most `micronsPerPixel`. @throws {TesseraError} ERR_SLIDE_SCALE */
export function levelFor(levels: readonly Level[], scale: Scale, micronsPerPixel: number): number {
  const finest = Math.max(scale.x, scale.y)
  if (finest > micronsPerPixel * MOST_ENLARGED) {
    throw new TesseraError(
      'ERR_SLIDE_SCALE',
      `slide must have at most ${micronsPerPixel} µm per pixel, got ${finest}`,
    )
  }
  let best = 0
  for (const [level, { downsample }] of levels.entries()) {
    const fits = finest * downsample <= micronsPerPixel * MOST_ENLARGED
    if (fits && downsample > (levels[best] as Level).downsample) best = level
  }
  return best
}

/** The region of the tile in a column and row of the grid. */
export function regionAt(grid: TileGrid, column: number, row: number): Region {
  const { level, width, height, lefts, tops } = grid
  return { level, x: lefts[column] as number, y: tops[row] as number, width, height }
}
