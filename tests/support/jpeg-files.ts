/** @file JPEG files for tests: pictures of several kinds, as sharp writes them, and their segments. */
import { createRandom } from '@tessera/shared/random'
import sharp, { type JpegOptions } from 'sharp'

export interface Picture {
  readonly width: number
  readonly height: number
  /** `tissue`: soft shapes, as tiles are. `noise`: every coefficient is needed. `edges`: black and white, the largest coefficients. `flat`: one grey. */
  readonly kind: 'tissue' | 'noise' | 'edges' | 'flat'
  readonly seed: number
}

/** `[height, width, 3]` bytes. */
export function picturePixels({ width, height, kind, seed }: Picture): Uint8Array {
  const random = createRandom(`picture/${seed}`)
  const waves = [0, 1, 2].map(() => [random.uniform(0.05, 0.6), random.uniform(0.05, 0.6), random.float()])
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    if (kind === 'flat') return 100
    if (kind === 'noise') return random.integer(256)
    if (kind === 'edges') return random.integer(2) * 255
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)]
    const [a = 0, b = 0, c = 0] = waves[i % 3] ?? []
    return 128 + 80 * Math.sin(a * x + b * y + 6 * c) + random.uniform(-20, 20)
  })
}

/** A JPEG file of a picture. */
export async function jpegOf(picture: Picture, options: JpegOptions = {}): Promise<Buffer> {
  const { width, height } = picture
  return sharp(picturePixels(picture), { raw: { width, height, channels: 3 } })
    .jpeg(options)
    .toBuffer()
}

/** A marker's segments in a file, up to its first scan. */
export interface Segment {
  readonly marker: number
  /** With its marker and its length. */
  readonly bytes: Buffer
}

/** Segments of a file in their order, the scan with all that follows it as the last. */
export function segmentsOf(jpeg: Buffer): Segment[] {
  const segments: Segment[] = []
  for (let at = 2; ; ) {
    const marker = jpeg[at + 1] as number
    const end = marker === 0xda ? jpeg.length : at + 2 + jpeg.readUInt16BE(at + 2)
    segments.push({ marker, bytes: jpeg.subarray(at, end) })
    if (end === jpeg.length) return segments
    at = end
  }
}

/** Puts segments together again. */
export function jpegOfSegments(segments: readonly Segment[]): Buffer {
  return Buffer.concat([Buffer.of(0xff, 0xd8), ...segments.map(({ bytes }) => bytes)])
}
