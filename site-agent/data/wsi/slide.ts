/** @file One open slide: its levels, its scale, and regions of it as RGB. What is asked of the library is checked before it is believed. */
import { TesseraError } from '@tessera/shared/errors'
import { type Openslide, openslide, type SlideAddress } from './library.ts'
import { onWhite } from './on-white.ts'

export interface Level {
  readonly width: number
  readonly height: number
  /** Pixels of level 0 on one of this level, in each direction. */
  readonly downsample: number
  /** Side of the blocks that it is stored in, or a guess. */
  readonly blockSide: number
}

/** A rectangle of a level: corner in pixels of level 0, size in pixels of the level. */
export interface Region {
  readonly level: number
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** A rectangle in pixels of level 0. */
export interface Rectangle {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Scale {
  /** Micrometres on a pixel of level 0. */
  readonly x: number
  readonly y: number
}

/** A slide, open until it is closed. */
export interface Slide {
  /** From the finest on. */
  readonly levels: readonly Level[]
  /** Null: the file does not say. */
  readonly scale: Scale | null
  /** What was scanned; the rest of level 0 is empty. QuPath counts from its corner. */
  readonly scanned: Rectangle
  /** Reads `[height, width, 3]` bytes, on white where nothing was scanned. @throws {TesseraError} ERR_SLIDE_UNREADABLE */
  read(region: Region): Promise<Uint8Array>
  /** At most this much is in the library's cache. */
  cachedBytes(): number
  /** Frees the library's memory. Not while a region is being read. */
  close(): void
}

/** A glass slide is 75 mm long; at 0.1 µm per pixel, finer than any scanner, that is 750,000 pixels. */
const MAX_SIDE_PX = 1_000_000
/** Pyramids halve: 20 levels reach from {@link MAX_SIDE_PX} to one pixel. Some converters write a few more of one pixel. */
const MAX_LEVELS = 32
/** The library decodes whole blocks of the file, 64 MiB each at this size; scanners write 240 to 2048 pixels in a square. */
const MAX_BLOCK_PIXELS = 4096 * 4096
/** Where the file does not say. */
const COMMON_BLOCK_SIDE = 512
/** Of decoded blocks, for each slide; fixed in version 3.4, and the default of 4.0. */
const MAX_CACHE_BYTES = 32 * 1024 * 1024
/** Most pixels of a region: 64 MiB of the library's pixels, and 48 MiB of ours. */
export const MAX_REGION_PIXELS = 4096 * 4096

/** Opens a slide of any format that the library knows. @throws {TesseraError} ERR_SLIDE_LIBRARY, ERR_SLIDE_UNREADABLE, ERR_SLIDE_TOO_LARGE */
export async function openSlide(file: string): Promise<Slide> {
  const library = await openslide()
  const address = await library.open(file)
  if (address === null) throw unreadable('another file')
  let open = true
  let cached = 0
  const close = (): void => {
    if (open) library.close(address)
    open = false
  }
  try {
    assertWhole(library, address)
    const levels = readLevels(library, address)
    return {
      levels,
      scale: readScale(library, address),
      scanned: readScanned(library, address, levels[0] as Level),
      close,
      cachedBytes: () => Math.min(cached, MAX_CACHE_BYTES),
      async read(region) {
        if (!open) throw new TesseraError('ERR_INTERNAL', 'internal: slide must be open, got a closed one')
        assertRegion(region, levels)
        const pixels = new Uint32Array(region.width * region.height)
        cached += blockBytes(region, (levels[region.level] as Level).blockSide)
        await library.readRegion(address, pixels, region)
        assertWhole(library, address)
        return onWhite(pixels)
      },
    }
  } catch (thrown) {
    close()
    throw thrown
  }
}

function assertWhole(library: Openslide, address: SlideAddress): void {
  const error = library.error(address)
  // Its text may hold the slide's path: it stays in `cause`.
  if (error !== null) throw unreadable('a broken file', new Error(error))
}

function unreadable(got: string, cause?: Error): TesseraError {
  const message = `slide must be one that libopenslide can read, got ${got}`
  return new TesseraError('ERR_SLIDE_UNREADABLE', message, cause && { cause })
}

function readLevels(library: Openslide, address: SlideAddress): Level[] {
  const count = library.levelCount(address)
  if (count < 1) throw unreadable('no level')
  if (count > MAX_LEVELS) throw tooLarge(`at most ${MAX_LEVELS} levels`, `${count}`)
  return Array.from({ length: count }, (_, level) => {
    const { width, height } = library.levelSize(address, level)
    if (!(width >= 1 && height >= 1)) throw unreadable('an empty level')
    if (width > MAX_SIDE_PX || height > MAX_SIDE_PX) {
      throw tooLarge(`sides of at most ${MAX_SIDE_PX} pixels`, `${width} x ${height}`)
    }
    const side = (name: string): number =>
      wholeNumber(library.property(address, `openslide.level[${level}].tile-${name}`)) ?? 0
    const blockSide = Math.sqrt(side('width') * side('height')) || COMMON_BLOCK_SIDE
    if (blockSide ** 2 > MAX_BLOCK_PIXELS) {
      throw tooLarge(
        `blocks of at most ${MAX_BLOCK_PIXELS} pixels`,
        `${side('width')} x ${side('height')} pixels`,
      )
    }
    const downsample = library.levelDownsample(address, level)
    if (!(downsample >= 1 && downsample <= MAX_SIDE_PX)) throw unreadable('a level without a size')
    return { width, height, downsample, blockSide }
  })
}

function tooLarge(rule: string, got: string): TesseraError {
  return new TesseraError('ERR_SLIDE_TOO_LARGE', `slide must have ${rule}, got ${got}`)
}

/** Finest and coarsest that a microscope's picture can be, in µm per pixel. What is outside is no measurement. */
const [FINEST, COARSEST] = [0.01, 1000]
const MICRONS: Readonly<Record<string, number>> = { centimeter: 10_000, inch: 25_400 }

function readScale(library: Openslide, address: SlideAddress): Scale | null {
  const number = (name: string): number => Number(library.property(address, name) ?? Number.NaN)
  // Version 3.4 leaves it to us to read a plain TIFF's resolution.
  const unit = MICRONS[library.property(address, 'tiff.ResolutionUnit') ?? ''] ?? Number.NaN
  const along = (axis: 'x' | 'y'): number => {
    const told = number(`openslide.mpp-${axis}`)
    return Number.isNaN(told) ? unit / number(`tiff.${axis.toUpperCase()}Resolution`) : told
  }
  const [x, y] = [along('x'), along('y')]
  return [x, y].every((value) => value >= FINEST && value <= COARSEST) ? { x, y } : null
}

function readScanned(library: Openslide, address: SlideAddress, level: Level): Rectangle {
  const side = (name: string): number | null =>
    wholeNumber(library.property(address, `openslide.bounds-${name}`))
  const [x, y, width, height] = [side('x'), side('y'), side('width'), side('height')]
  if (x === null || y === null || width === null || height === null) {
    return { x: 0, y: 0, width: level.width, height: level.height }
  }
  return {
    x,
    y,
    width: Math.min(width, Math.max(0, level.width - x)),
    height: Math.min(height, Math.max(0, level.height - y)),
  }
}

function wholeNumber(text: string | null): number | null {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null
}

/** Of the blocks that a region touches, at most. */
function blockBytes({ width, height }: Region, side: number): number {
  return (Math.ceil(width / side) + 1) * (Math.ceil(height / side) + 1) * side * side * 4
}

function assertRegion({ level, width, height }: Region, levels: readonly Level[]): void {
  const fits = width >= 1 && height >= 1 && width * height <= MAX_REGION_PIXELS && level in levels
  if (fits) return
  throw new TesseraError(
    'ERR_INTERNAL',
    `internal: region must have 1 to ${MAX_REGION_PIXELS} pixels of a level, got ${width} x ${height}`,
  )
}
