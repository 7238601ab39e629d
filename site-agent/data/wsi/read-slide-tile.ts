/** @file One tile of a slide as `sizePx x sizePx` RGB bytes, read from the slide each time: nothing is written to the disk. */
import { TesseraError } from '@tessera/shared/errors'
import sharp from 'sharp'
import type { DecodedTile } from '../decode.ts'
import { type SlidePool, threadSlides } from './open-slides.ts'
import type { Region } from './slide.ts'

/** A tile's place: what a thread needs to read it. */
export interface SlideTile {
  /** Path of the slide. */
  readonly slide: string
  readonly region: Region
}

/**
 * Reads a tile. A region of another size than the tile's is scaled (Lanczos, a = 3), as a tile file of another size is.
 *
 * @throws {TesseraError} ERR_DATA_TILE_UNREADABLE when this part of the slide is broken.
 */
export async function readSlideTile(
  { slide, region }: SlideTile,
  sizePx: number,
  slides: SlidePool = threadSlides,
): Promise<DecodedTile> {
  const { width, height } = region
  const pixels = await slides
    .use(slide, (open) => open.read(region))
    .catch((cause: unknown) => {
      if (!(cause instanceof TesseraError) || cause.code !== 'ERR_SLIDE_UNREADABLE') throw cause
      throw new TesseraError(
        'ERR_DATA_TILE_UNREADABLE',
        'tile must be a readable part of its slide, got a broken one',
        { cause },
      )
    })
  if (width === sizePx && height === sizePx) return { pixels, resized: false }
  const scaled = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .resize(sizePx, sizePx, { fit: 'fill', kernel: 'lanczos3' })
    .raw()
    .toBuffer()
  return { pixels: scaled, resized: true }
}
