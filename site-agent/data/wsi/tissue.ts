/**
 * @file Where the tissue of a slide is, seen at low magnification: stained tissue has colour, glass has none.
 *
 * Each cell of the mask is the mean of a square of pixels. Its colourfulness is max(R, G, B) − min(R, G, B): saturation times brightness, which unlike
 * saturation alone does not see colour in black. Otsu's threshold parts the cells in two, and a majority of 3 x 3 removes dust and small gaps.
 */
import { TesseraError } from '@tessera/shared/errors'
import { otsuThreshold } from './otsu.ts'
import type { Level, Rectangle, Region, Scale, Slide } from './slide.ts'
import { levelFor } from './tile-grid.ts'

export interface TissueMask {
  readonly columns: number
  readonly rows: number
  /** 1: tissue. `[rows, columns]`. */
  readonly cells: Uint8Array
  /** Side of a cell in pixels of level 0; the first begins at the slide's corner. */
  readonly cellSide: number
}

/** Width of a cell, at most: a lymphocyte. A tile of 224 pixels at 0.5 µm has 14 x 14 of them. */
const CELL_MICRONS = 8
/** Most cells: a whole glass of 75 x 50 mm has 58 million. */
const MAX_CELLS = 2 ** 26
/** Read at once: 16 MiB of the library's pixels. */
const BLOCK_PIXELS = 2048

/**
 * Otsu always finds two kinds. Between these bounds it may: below the lower one is glass (compressed white varies by 3 to 8 levels), above the upper one
 * is tissue, also on a slide that is full of it.
 */
const [LEAST_THRESHOLD, MOST_THRESHOLD] = [12, 36]
/** Darker than any stain in all three colours: pen, the edge of the scan, a fold. */
const BLACK = 50
/** Green above red and blue by this much is a pen, never haematoxylin, eosin or DAB. */
const GREEN = 12

/**
 * Finds the tissue, from a level near {@link CELL_MICRONS}. Memory: a byte a cell and one block of pixels.
 *
 * @throws {TesseraError} ERR_SLIDE_UNREADABLE, ERR_SLIDE_SCALE or ERR_SLIDE_TOO_LARGE.
 */
export async function findTissue(slide: Slide, scale: Scale): Promise<TissueMask> {
  const index = levelFor(slide.levels, scale, CELL_MICRONS)
  const level = slide.levels[index] as Level
  const pixels = Math.max(1, Math.floor(CELL_MICRONS / (Math.max(scale.x, scale.y) * level.downsample)))
  const columns = Math.floor(level.width / pixels)
  const rows = Math.floor(level.height / pixels)
  if (columns * rows > MAX_CELLS) {
    throw new TesseraError(
      'ERR_SLIDE_TOO_LARGE',
      `slide must have at most ${MAX_CELLS} cells of ${CELL_MICRONS} µm, got ${columns} x ${rows}`,
    )
  }
  const colour = new Uint8Array(columns * rows)
  const side = Math.max(1, Math.floor(BLOCK_PIXELS / pixels))
  for (let row = 0; row < rows; row += side) {
    for (let column = 0; column < columns; column += side) {
      const size = { columns: Math.min(side, columns - column), rows: Math.min(side, rows - row) }
      const region: Region = {
        level: index,
        x: Math.round(column * pixels * level.downsample),
        y: Math.round(row * pixels * level.downsample),
        width: size.columns * pixels,
        height: size.rows * pixels,
      }
      const means = colourfulness(await slide.read(region), size.columns, size.rows, pixels)
      for (let y = 0; y < size.rows; y++) {
        const from = y * size.columns
        colour.set(means.subarray(from, from + size.columns), (row + y) * columns + column)
      }
    }
  }
  const cells = tissueCells(colour, columns, rows)
  return { columns, rows, cells, cellSide: pixels * level.downsample }
}

/** Colourfulness of each cell of `pixels x pixels`; 0 where it is no stain. `rgb`: `[rows · pixels, columns · pixels, 3]`. */
export function colourfulness(rgb: Uint8Array, columns: number, rows: number, pixels: number): Uint8Array {
  const result = new Uint8Array(columns * rows)
  const area = pixels * pixels
  const stride = columns * pixels * 3
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let [red, green, blue] = [0, 0, 0]
      for (let y = 0; y < pixels; y++) {
        const from = (row * pixels + y) * stride + column * pixels * 3
        for (let at = from; at < from + pixels * 3; at += 3) {
          red += rgb[at] as number
          green += rgb[at + 1] as number
          blue += rgb[at + 2] as number
        }
      }
      const most = Math.max(red, green, blue)
      const isInk = most < BLACK * area || green > Math.max(red, blue) + GREEN * area
      result[row * columns + column] = isInk ? 0 : Math.round((most - Math.min(red, green, blue)) / area)
    }
  }
  return result
}

/** Parts cells into tissue (1) and glass (0). */
export function tissueCells(colour: Uint8Array, columns: number, rows: number): Uint8Array {
  const counts = new Uint32Array(256)
  for (const value of colour) counts[value] = (counts[value] as number) + 1
  const threshold = Math.min(MOST_THRESHOLD, Math.max(LEAST_THRESHOLD, otsuThreshold(counts)))
  const raw = colour.map((value) => (value > threshold ? 1 : 0))
  return majority(raw, columns, rows)
}

/** Each cell as most of its 3 x 3 neighbours are; at the edge, of those that there are. */
function majority(cells: Uint8Array, columns: number, rows: number): Uint8Array {
  const result = new Uint8Array(cells.length)
  for (let row = 0; row < rows; row++) {
    const [top, bottom] = [Math.max(0, row - 1), Math.min(rows - 1, row + 1)]
    for (let column = 0; column < columns; column++) {
      const [left, right] = [Math.max(0, column - 1), Math.min(columns - 1, column + 1)]
      let tissue = 0
      for (let y = top; y <= bottom; y++) {
        for (let x = left; x <= right; x++) tissue += cells[y * columns + x] as number
      }
      if (tissue * 2 > (bottom - top + 1) * (right - left + 1)) result[row * columns + column] = 1
    }
  }
  return result
}

/** Share of tissue, 0 to 1, among the cells whose centres lie in a rectangle; 0 when there are none. */
export function tissueShare(mask: TissueMask, { x, y, width, height }: Rectangle): number {
  const first = (start: number): number => Math.max(0, Math.ceil(start / mask.cellSide - 0.5))
  const [left, top] = [first(x), first(y)]
  const right = Math.min(mask.columns, first(x + width))
  const bottom = Math.min(mask.rows, first(y + height))
  let tissue = 0
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      tissue += mask.cells[row * mask.columns + column] as number
    }
  }
  const cells = (right - left) * (bottom - top)
  return right > left && bottom > top ? tissue / cells : 0
}
