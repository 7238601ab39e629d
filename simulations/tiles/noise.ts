/**
 * @file Fractal value noise: the unevenness of cytoplasm, collagen and chromatin.
 *
 * Two tables, made once a process and the same everywhere, are looked up at an offset each tile draws: a lookup costs next to nothing, and 65 536
 * offsets are more than the tiles of a run. Sum over octaves o of 2^−o · lattice noise of period 256 / (cells · 2^o) (Perlin, SIGGRAPH 1985).
 */
import { createRandom } from '@tessera/shared/random'

const SIDE = 256

/** Uneven values around 0.5, mostly within [0.2, 0.8], looked up at integer or real pixels; it tiles without a seam. */
export type Noise = (x: number, y: number) => number

/** Clouds some 30 px wide with finer ones inside. */
export const clouds: Noise = lookup(fractal('clouds', 8, 4))
/** Grain of 2 to 8 px. */
export const grain: Noise = lookup(fractal('grain', 32, 3))

/** The same noise seen from another place: each tile shifts it by its own draw. */
export function shifted(noise: Noise, dx: number, dy: number): Noise {
  return (x, y) => noise(x + dx, y + dy)
}

function lookup(table: Float32Array): Noise {
  return (x, y) => table[((y & (SIDE - 1)) << 8) | (x & (SIDE - 1))] ?? 0
}

function fractal(seed: string, cells: number, octaves: number): Float32Array {
  const random = createRandom(`simulations/tiles/noise/${seed}`)
  const table = new Float32Array(SIDE * SIDE)
  let weight = 1
  let total = 0
  for (let octave = 0, side = cells; octave < octaves; octave++, side *= 2, weight /= 2) {
    const lattice = Float32Array.from({ length: side * side }, () => random.float())
    addLattice(table, lattice, side, weight)
    total += weight
  }
  // Sums of octaves crowd around the middle: stretched, so that the tails are used.
  return table.map((value) => 0.5 + 1.4 * (value / total - 0.5))
}

function addLattice(table: Float32Array, lattice: Float32Array, side: number, weight: number): void {
  const step = SIDE / side
  for (let y = 0; y < SIDE; y++) {
    const cellY = Math.floor(y / step)
    const fy = ease(y / step - cellY)
    for (let x = 0; x < SIDE; x++) {
      const cellX = Math.floor(x / step)
      const fx = ease(x / step - cellX)
      const at = (i: number, j: number): number => lattice[(j % side) * side + (i % side)] ?? 0
      const top = at(cellX, cellY) * (1 - fx) + at(cellX + 1, cellY) * fx
      const bottom = at(cellX, cellY + 1) * (1 - fx) + at(cellX + 1, cellY + 1) * fx
      const index = y * SIDE + x
      table[index] = (table[index] ?? 0) + weight * (top * (1 - fy) + bottom * fy)
    }
  }
}

function ease(t: number): number {
  return t * t * (3 - 2 * t)
}
