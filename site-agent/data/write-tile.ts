/**
 * @file Writes a tile's bytes as normalised floats, turned, mirrored and with its colours changed. The loops over pixels are kernels of
 * wasm/assembly, in the memory of this thread; what they write goes to the batch a few rows at a time.
 *
 * Normalisation: (x / 255 − mean) / deviation with ImageNet's constants, as torchvision's EfficientNet weights expect.
 */
import { IMAGENET_DEVIATION, IMAGENET_MEAN } from '@tessera/shared/model'
import { type Augmentation, UNCHANGED } from './augment.ts'
import { applyOperations } from './randaugment/apply.ts'
import type { Table } from './randaugment/tables.ts'
import type { ColourChange } from './stain.ts'
import type { TileMemory } from './wasm/tile-memory.ts'

export { IMAGENET_DEVIATION, IMAGENET_MEAN }

/** Normalised value of each byte: red's 256, green's, blue's. */
const NORMALISED = Float32Array.from({ length: 768 }, (_, i) => {
  const channel = i >> 8
  return ((i & 255) / 255 - (IMAGENET_MEAN[channel] ?? 0)) / (IMAGENET_DEVIATION[channel] ?? 1)
})

/**
 * Writes a tile of `[sizePx, sizePx, 3]` bytes to `out` at `offset`, augmented and normalised, in the same order. The bytes may lie in
 * `memory` itself; if they do not, what does is forgotten.
 */
export function writeTile(
  memory: TileMemory,
  out: Float32Array,
  offset: number,
  pixels: Uint8Array,
  sizePx: number,
  augmentation: Augmentation,
): void {
  const { colour, operations = [] } = augmentation
  let at = addressOf(memory, pixels)
  let order = walk(sizePx, augmentation)
  let table: Float32Array = NORMALISED
  if (operations.length > 0) {
    const tile = applyOperations(memory, oriented(memory, at, sizePx, augmentation), sizePx, operations)
    at = tile.at
    order = walk(sizePx, UNCHANGED)
    table = normalisedBy(tile.table)
  }
  const write = colour === undefined ? normaliser(memory, table) : jitterer(memory, colour)
  inBands(
    memory,
    sizePx,
    (to, row, rows) =>
      write(to, at + (order.start + row * order.down) * 3, sizePx, rows, order.right * 3, order.down * 3),
    (values, first) => out.set(values, offset + first),
  )
}

function addressOf(memory: TileMemory, pixels: Uint8Array): number {
  if (memory.holds(pixels)) return pixels.byteOffset
  memory.clear()
  const at = memory.take(pixels.length)
  memory.bytes(at, pixels.length).set(pixels)
  return at
}

/** Writes `rows` rows of floats from pixel address `from` on. */
type Writer = (to: number, from: number, size: number, rows: number, right: number, down: number) => void

/** Floats on their way to the batch: few enough to be in the cache still when they are copied. */
const BAND_BYTES = 32 * 1024

/** Writes rows of floats a band at a time. @param keep Takes a band's values; `first`: place of its first one in the tile. */
function inBands(
  memory: TileMemory,
  sizePx: number,
  write: (to: number, row: number, rows: number) => void,
  keep: (values: Float32Array, first: number) => void,
): void {
  const floats = sizePx * 3
  const most = Math.max(1, Math.floor(BAND_BYTES / (floats * 4)))
  const band = memory.take(most * floats * 4)
  for (let row = 0; row < sizePx; row += most) {
    const rows = Math.min(most, sizePx - row)
    write(band, row, rows)
    keep(memory.floats(band, rows * floats), row * floats)
  }
}

function normaliser(memory: TileMemory, table: Float32Array): Writer {
  const tableAt = memory.take(table.length * 4)
  memory.floats(tableAt, table.length).set(table)
  return (to, from, size, rows, right, down) =>
    memory.kernels.normalise(to, from, size, rows, right, down, tableAt)
}

/** Normalised value of each byte after `table`. */
function normalisedBy(table: Table | null): Float32Array {
  if (table === null) return NORMALISED
  const values = new Float32Array(table.length)
  for (let i = 0; i < table.length; i++) values[i] = NORMALISED[(i & 768) + (table[i] as number)] as number
  return values
}

/** Natural optical density of each byte. 0 counts as 1: black has no finite density, and the last level below it no meaning. */
const DENSITY = Float64Array.from({ length: 256 }, (_, value) => -Math.log(Math.max(value, 1) / 255))
/** Entries of {@link TRANSMITTED} a unit of density. Straight lines between them are off by at most 1 / (8 · 512²) = 5e-7, an eighth of a thousandth of a level. */
const STEPS = 512
/** Densest that can be told from black in single precision: e⁻¹⁶ = 1e-7. */
const DENSEST = 16
const TRANSMITTED = Float32Array.from({ length: DENSEST * STEPS + 2 }, (_, i) => Math.exp(-i / STEPS))

/** How light is written: (x − mean) / deviation of each channel. */
interface Scale {
  readonly mean: readonly number[]
  readonly deviation: readonly number[]
}
const IMAGENET: Scale = { mean: IMAGENET_MEAN, deviation: IMAGENET_DEVIATION }
const BYTES: Scale = { mean: [0, 0, 0], deviation: [1 / 255, 1 / 255, 1 / 255] }

function jitterer(
  memory: TileMemory,
  { matrix, shift }: ColourChange,
  density: Float64Array = DENSITY,
  { mean, deviation }: Scale = IMAGENET,
): Writer {
  const numbers = Float64Array.of(
    ...density,
    ...matrix,
    ...shift,
    ...mean,
    ...deviation.map((one) => 1 / one),
  )
  const densities = memory.take(numbers.byteLength)
  memory.doubles(densities, numbers.length).set(numbers)
  const change = densities + density.byteLength
  const transmitted = memory.take(TRANSMITTED.byteLength)
  memory.floats(transmitted, TRANSMITTED.length).set(TRANSMITTED)
  return (to, from, size, rows, right, down) =>
    memory.kernels.jitter(to, from, size, rows, right, down, densities, transmitted, change)
}

/**
 * Gives a tile's bytes with its colours changed, rounded. They lie in `memory`.
 *
 * @param density Optical density of each byte.
 */
export function changeColours(
  memory: TileMemory,
  pixels: Uint8Array,
  sizePx: number,
  colour: ColourChange,
  density: Float64Array,
): Uint8Array {
  const from = addressOf(memory, pixels)
  const to = memory.take(pixels.length)
  const write = jitterer(memory, colour, density, BYTES)
  const stride = sizePx * 3
  inBands(
    memory,
    sizePx,
    (band, row, rows) => write(band, from + row * stride, sizePx, rows, 3, stride),
    (values, first) => {
      const out = memory.bytes(to + first, values.length)
      for (let i = 0; i < values.length; i++) out[i] = (values[i] as number) + 0.5
    },
  )
  return memory.bytes(to, pixels.length)
}

/** Order in which a turned and mirrored tile reads its source, in pixels. */
interface Walk {
  readonly start: number
  /** How far a step to the right in the result goes in the source. */
  readonly right: number
  readonly down: number
}

/** Address of the turned and mirrored bytes; the tile's own when nothing turns. */
function oriented(memory: TileMemory, at: number, size: number, augmentation: Augmentation): number {
  if (!augmentation.flipX && !augmentation.flipY && augmentation.turns % 4 === 0) return at
  const to = memory.take(size * size * 3)
  const { start, right, down } = walk(size, augmentation)
  memory.kernels.orient(to, at + start * 3, size, right * 3, down * 3)
  return to
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
