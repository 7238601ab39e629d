/** @file Small slides for tests: tiled TIFF pyramids without loss, so that what is read can be compared byte by byte. */
import sharp from 'sharp'

export interface Picture {
  readonly width: number
  readonly height: number
  /** Colour of a pixel. */
  readonly paint: (x: number, y: number) => readonly [number, number, number]
}

/** Glass: nearly white. */
export const GLASS = [244, 243, 242] as const
/** Eosin, with a grain of its own at each pixel: no two tiles are equal. */
export function eosin(x: number, y: number): readonly [number, number, number] {
  // The upper bits: the lower ones repeat every few pixels.
  const grain = Math.imul(Math.imul(x, 73_856_093) ^ Math.imul(y, 19_349_663), 0x45d9f3b) >>> 28
  return [214 + grain, 120 + grain, 170 - grain]
}

/** RGB bytes of a picture. */
export function pixelsOf({ width, height, paint }: Picture): Uint8Array {
  const pixels = new Uint8Array(width * height * 3)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) pixels.set(paint(x, y), at)
  }
  return pixels
}

/** Writes a slide; `micronsPerPixel` null: it does not say, as a picture of 1 pixel an inch. */
export async function writeSlide(
  file: string,
  picture: Picture,
  { micronsPerPixel = 0.5, pyramid = true }: { micronsPerPixel?: number | null; pyramid?: boolean } = {},
): Promise<void> {
  const { width, height } = picture
  await sharp(pixelsOf(picture), { raw: { width, height, channels: 3 } })
    .tiff({
      tile: true,
      pyramid,
      tileWidth: 64,
      tileHeight: 64,
      compression: 'deflate',
      predictor: 'none',
      resolutionUnit: micronsPerPixel === null ? 'inch' : 'cm',
      // sharp counts in pixels a millimetre.
      xres: micronsPerPixel === null ? 1 / 25.4 : 1000 / micronsPerPixel,
      yres: micronsPerPixel === null ? 1 / 25.4 : 1000 / micronsPerPixel,
    })
    .toFile(file)
}
