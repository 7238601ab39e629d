/**
 * @file A tile's bytes as normalised floats, turned, mirrored and with its stains jittered.
 *
 * Normalisation: (x / 255 − mean) / deviation with ImageNet's constants, as torchvision's EfficientNet weights expect.
 */
import { IMAGENET_DEVIATION, IMAGENET_MEAN } from '@tessera/shared/model'
import type { Random } from '@tessera/shared/random'
import { type ColourChange, drawStainJitter } from './stain.ts'

export { IMAGENET_DEVIATION, IMAGENET_MEAN }

/** What happens to one tile in one epoch. */
export interface Augmentation {
  readonly flipX: boolean
  readonly flipY: boolean
  /** Quarter turns, 0 to 3, clockwise, before the flips. */
  readonly turns: number
  /** Absent: colours stay. */
  readonly colour?: ColourChange
}

/** How strongly tiles are varied; names as in the study. */
export type AugmentName = 'none' | 'flips' | 'flips-and-stain'

export const UNCHANGED: Augmentation = { flipX: false, flipY: false, turns: 0 }

/** Draws a tile's augmentation. Tissue has no up and no left: all eight orientations are equally likely. */
export function drawAugmentation(random: Random, augment: AugmentName): Augmentation {
  if (augment === 'none') return UNCHANGED
  const orientation = {
    flipX: random.integer(2) === 1,
    flipY: random.integer(2) === 1,
    turns: random.integer(4),
  }
  return augment === 'flips' ? orientation : { ...orientation, colour: drawStainJitter(random) }
}

/** One row a channel: the normalised value of each byte. */
const NORMALISED = IMAGENET_MEAN.map((mean, channel) =>
  Float32Array.from({ length: 256 }, (_, value) => (value / 255 - mean) / (IMAGENET_DEVIATION[channel] ?? 1)),
)
/** Natural optical density of each byte. 0 counts as 1: black has no finite density, and the last level below it no meaning. */
const DENSITY = Float64Array.from({ length: 256 }, (_, value) => -Math.log(Math.max(value, 1) / 255))

/**
 * Writes a tile of `[sizePx, sizePx, 3]` bytes to `out` at `offset`, augmented and normalised, in the same order.
 */
export function writeTile(
  out: Float32Array,
  offset: number,
  pixels: Uint8Array,
  sizePx: number,
  augmentation: Augmentation,
): void {
  const { start, right, down } = walk(sizePx, augmentation)
  const { colour } = augmentation
  if (colour === undefined) copyNormalised(out, offset, pixels, sizePx, start, right, down)
  else copyJittered(out, offset, pixels, sizePx, start, right, down, colour)
}

/** Where reading starts in the source, and how far a step to the right and one down in the result go there, in pixels. */
function walk(
  size: number,
  { flipX, flipY, turns }: Augmentation,
): { start: number; right: number; down: number } {
  const last = size - 1
  // Result (x, y) of a clockwise turn reads source (y, last − x).
  const corners: readonly (readonly [number, number, number])[] = [
    [0, 1, size],
    [last * size, -size, 1],
    [last * size + last, -1, -size],
    [last, size, -1],
  ]
  let [start, right, down] = corners[turns % 4] ?? [0, 1, size]
  if (flipX) {
    start += last * right
    right = -right
  }
  if (flipY) {
    start += last * down
    down = -down
  }
  return { start, right, down }
}

function copyNormalised(
  out: Float32Array,
  offset: number,
  pixels: Uint8Array,
  size: number,
  start: number,
  right: number,
  down: number,
): void {
  const [red, green, blue] = NORMALISED as [Float32Array, Float32Array, Float32Array]
  let o = offset
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const i = (start + x * right + y * down) * 3
      out[o++] = red[pixels[i] as number] as number
      out[o++] = green[pixels[i + 1] as number] as number
      out[o++] = blue[pixels[i + 2] as number] as number
    }
  }
}

function copyJittered(
  out: Float32Array,
  offset: number,
  pixels: Uint8Array,
  size: number,
  start: number,
  right: number,
  down: number,
  { matrix, shift }: ColourChange,
): void {
  const [m0, m1, m2, m3, m4, m5, m6, m7, m8] = matrix as unknown as readonly number[] as Nine
  const [s0, s1, s2] = shift as unknown as readonly number[] as Three
  const [mean0, mean1, mean2] = IMAGENET_MEAN
  const [scale0, scale1, scale2] = IMAGENET_DEVIATION.map((deviation) => 1 / deviation) as unknown as Three
  let o = offset
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const i = (start + x * right + y * down) * 3
      const r = DENSITY[pixels[i] as number] as number
      const g = DENSITY[pixels[i + 1] as number] as number
      const b = DENSITY[pixels[i + 2] as number] as number
      // A density below 0 would be brighter than white: it is white.
      out[o++] = (Math.exp(-Math.max(0, r * m0 + g * m3 + b * m6 + s0)) - mean0) * scale0
      out[o++] = (Math.exp(-Math.max(0, r * m1 + g * m4 + b * m7 + s1)) - mean1) * scale1
      out[o++] = (Math.exp(-Math.max(0, r * m2 + g * m5 + b * m8 + s2)) - mean2) * scale2
    }
  }
}

type Three = readonly [number, number, number]
type Nine = readonly [number, number, number, number, number, number, number, number, number]
