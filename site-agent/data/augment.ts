/**
 * @file A tile's bytes as normalised floats, turned, mirrored and with its stains jittered.
 *
 * Normalisation: (x / 255 − mean) / deviation with ImageNet's constants, as torchvision's EfficientNet weights expect.
 */
import { IMAGENET_DEVIATION, IMAGENET_MEAN } from '@tessera/shared/model'
import type { Random } from '@tessera/shared/random'
import { applyOperations } from './randaugment/apply.ts'
import { drawOperations, type Operation } from './randaugment/operations.ts'
import type { Table } from './randaugment/tables.ts'
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
  /** Of RandAugment, in their order, after turn and flips. */
  readonly operations?: readonly Operation[]
}

/** How strongly tiles are varied; names as in the study. */
export type AugmentName = 'none' | 'flips' | 'flips-and-stain' | 'randaugment'

export const UNCHANGED: Augmentation = { flipX: false, flipY: false, turns: 0 }

/**
 * Draws a tile's augmentation. Tissue has no up and no left: all eight orientations are equally likely. `randaugment` is the paper's code:
 * a mirror left to right every second time, then RandAugment.
 */
export function drawAugmentation(random: Random, augment: AugmentName): Augmentation {
  if (augment === 'none') return UNCHANGED
  if (augment === 'randaugment') {
    return { ...UNCHANGED, flipX: random.integer(2) === 1, operations: drawOperations(random) }
  }
  const orientation = {
    flipX: random.integer(2) === 1,
    flipY: random.integer(2) === 1,
    turns: random.integer(4),
  }
  return augment === 'flips' ? orientation : { ...orientation, colour: drawStainJitter(random) }
}

/** Normalised value of each byte: red's 256, green's, blue's. */
const NORMALISED = Float32Array.from({ length: 768 }, (_, i) => {
  const channel = i >> 8
  return ((i & 255) / 255 - (IMAGENET_MEAN[channel] ?? 0)) / (IMAGENET_DEVIATION[channel] ?? 1)
})
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
  const { colour, operations = [] } = augmentation
  if (operations.length > 0) {
    const oriented = orient(pixels, sizePx, augmentation)
    const tile = applyOperations(oriented, sizePx, operations)
    copyNormalised(out, offset, tile.pixels, sizePx, walk(sizePx, UNCHANGED), normalisedBy(tile.table))
  } else if (colour === undefined) {
    copyNormalised(out, offset, pixels, sizePx, walk(sizePx, augmentation), NORMALISED)
  } else {
    copyJittered(out, offset, pixels, sizePx, walk(sizePx, augmentation), colour)
  }
}

/** Order in which a turned and mirrored tile reads its source, in pixels. */
interface Walk {
  readonly start: number
  /** How far a step to the right in the result goes in the source. */
  readonly right: number
  readonly down: number
}

/** Turned and mirrored bytes, in memory that the thread's next call writes to; the tile itself when nothing turns. */
function orient(pixels: Uint8Array, size: number, augmentation: Augmentation): Uint8Array {
  if (!augmentation.flipX && !augmentation.flipY && augmentation.turns % 4 === 0) return pixels
  if (oriented.length !== pixels.length) oriented = new Uint8Array(pixels.length)
  const { start, right, down } = walk(size, augmentation)
  let o = 0
  for (let y = 0; y < size; y++) {
    for (let x = 0, i = (start + y * down) * 3; x < size; x++, i += right * 3) {
      oriented[o++] = pixels[i] as number
      oriented[o++] = pixels[i + 1] as number
      oriented[o++] = pixels[i + 2] as number
    }
  }
  return oriented
}

let oriented = new Uint8Array(0)

/** Normalised value of each byte after `table`. */
function normalisedBy(table: Table | null): Float32Array {
  if (table === null) return NORMALISED
  return Float32Array.from(table, (value, i) => NORMALISED[(i & 768) + value] as number)
}

function walk(size: number, { flipX, flipY, turns }: Augmentation): Walk {
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
  { start, right, down }: Walk,
  normalised: Float32Array,
): void {
  let o = offset
  for (let y = 0; y < size; y++) {
    for (let x = 0, i = (start + y * down) * 3; x < size; x++, i += right * 3) {
      out[o] = normalised[pixels[i] as number] as number
      out[o + 1] = normalised[256 + (pixels[i + 1] as number)] as number
      out[o + 2] = normalised[512 + (pixels[i + 2] as number)] as number
      o += 3
    }
  }
}

function copyJittered(
  out: Float32Array,
  offset: number,
  pixels: Uint8Array,
  size: number,
  { start, right, down }: Walk,
  { matrix, shift }: ColourChange,
): void {
  const [m0, m1, m2, m3, m4, m5, m6, m7, m8] = matrix as unknown as readonly number[] as Nine
  const [s0, s1, s2] = shift as unknown as readonly number[] as Three
  const [mean0, mean1, mean2] = IMAGENET_MEAN
  const [scale0, scale1, scale2] = IMAGENET_DEVIATION.map((deviation) => 1 / deviation) as unknown as Three
  let o = offset
  for (let y = 0; y < size; y++) {
    for (let x = 0, i = (start + y * down) * 3; x < size; x++, i += right * 3) {
      const r = DENSITY[pixels[i] as number] as number
      const g = DENSITY[pixels[i + 1] as number] as number
      const b = DENSITY[pixels[i + 2] as number] as number
      out[o] = (transmitted(r * m0 + g * m3 + b * m6 + s0) - mean0) * scale0
      out[o + 1] = (transmitted(r * m1 + g * m4 + b * m7 + s1) - mean1) * scale1
      out[o + 2] = (transmitted(r * m2 + g * m5 + b * m8 + s2) - mean2) * scale2
      o += 3
    }
  }
}

type Three = readonly [number, number, number]
type Nine = readonly [number, number, number, number, number, number, number, number, number]

/** Entries of {@link TRANSMITTED} a unit of density. Straight lines between them are off by at most 1 / (8 · 512²) = 5e-7, an eighth of a thousandth of a level. */
const STEPS = 512
/** Densest that can be told from black in single precision: e⁻¹⁶ = 1e-7. */
const DENSEST = 16
const TRANSMITTED = Float32Array.from({ length: DENSEST * STEPS + 2 }, (_, i) => Math.exp(-i / STEPS))

/** e^−density, the share of light that passes. A density below 0 would be brighter than white: it is white. */
function transmitted(density: number): number {
  if (!(density > 0)) return 1
  const at = Math.min(density, DENSEST) * STEPS
  const i = at | 0
  const here = TRANSMITTED[i] as number
  return here + (at - i) * ((TRANSMITTED[i + 1] as number) - here)
}
