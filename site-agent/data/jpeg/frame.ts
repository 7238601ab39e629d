/**
 * @file A JPEG frame: size, sampling, and where its blocks lie.
 * Source: ITU-T T.81, sections A.1 (sampling), A.2 (blocks and units) and B.2.2 (frame header).
 */

export interface JpegComponent {
  readonly id: number
  /** Blocks a unit, 1 or 2 in each direction; colours always have 1. */
  readonly across: number
  readonly down: number
  /** Which table of factors, 0 to 3. */
  readonly quantiser: number
  /** Blocks of whole units, and of these the ones with pixels. */
  readonly blocksAcross: number
  readonly blocksDown: number
  readonly usedAcross: number
  readonly usedDown: number
}

export interface JpegFrame {
  readonly progressive: boolean
  readonly width: number
  readonly height: number
  readonly unitsAcross: number
  readonly unitsDown: number
  readonly components: readonly JpegComponent[]
}

/** Largest side of a tile that a study can ask for: a picture of so many pixels takes 12 MiB in each form, see wasm/build.mjs. */
const MAX_PIXELS = 2048 * 2048
/** Narrower colour planes are widened by another rule. */
const LEAST_COLOUR_SAMPLES = 3

/** Reads a frame header without its length. Null for other than 3 components, or colours that are not sampled once or half as often. */
export function readFrame(content: Uint8Array, progressive: boolean): JpegFrame | null {
  const [precision = 0, h1 = 0, h0 = 0, w1 = 0, w0 = 0, count = 0] = content
  const height = h1 * 256 + h0
  const width = w1 * 256 + w0
  if (precision !== 8 || count !== 3 || content.length !== 6 + 3 * count) return null
  if (width === 0 || height === 0 || width * height > MAX_PIXELS) return null
  const read = [0, 1, 2].map((i) => {
    const [id = 0, sampling = 0, quantiser = 0] = content.subarray(6 + 3 * i)
    return { id, across: sampling >> 4, down: sampling & 15, quantiser }
  })
  const [luma, ...colours] = read
  if (luma === undefined || !isHalfOrAll(luma.across) || !isHalfOrAll(luma.down)) return null
  if (colours.some(({ across, down }) => across !== 1 || down !== 1)) return null
  if (read.some(({ quantiser }) => quantiser > 3) || new Set(read.map(({ id }) => id)).size !== 3) return null
  if (Math.ceil(width / luma.across) < LEAST_COLOUR_SAMPLES) return null
  const unitsAcross = Math.ceil(width / (8 * luma.across))
  const unitsDown = Math.ceil(height / (8 * luma.down))
  const components = read.map((component) => ({
    ...component,
    blocksAcross: unitsAcross * component.across,
    blocksDown: unitsDown * component.down,
    usedAcross: Math.ceil((width * component.across) / (8 * luma.across)),
    usedDown: Math.ceil((height * component.down) / (8 * luma.down)),
  }))
  return { progressive, width, height, unitsAcross, unitsDown, components }
}

function isHalfOrAll(samples: number): boolean {
  return samples === 1 || samples === 2
}
