/** @file What is measured of each tile beside its pixels' digest: written to shared memory at the tile's own place, by whichever thread has it. */
import { isBackground } from '../macenko/density.ts'
import { greyOf } from './grey.ts'
import { type Hash, perceptualHash } from './perceptual-hash.ts'
import { laplacianVariance } from './sharpness.ts'

/** Pixels of a tile that stand for its stain, on a square grid: a percentile of 1 % wants hundreds, and a small site has few tiles. */
const GRID = 16
export const SAMPLED_PIXELS = GRID * GRID
const SAMPLE_BYTES = SAMPLED_PIXELS * 3
const LOOKS = 3

/** Below it, in grey levels of 255, a tile's hash is made of noise: an empty field differs from another by less. */
const FLAT_CONTRAST = 4

export interface Measures {
  /** 2 words a tile. */
  readonly hashes: Uint32Array
  /** 3 numbers a tile: sharpness, background share, contrast. */
  readonly looks: Float32Array
  /** {@link SAMPLED_PIXELS} pixels a tile. */
  readonly samples: Uint8Array
}

/** Memory for the measures of so many tiles: 788 bytes each. */
export function createMeasures(tiles: number): Measures {
  return {
    hashes: new Uint32Array(new SharedArrayBuffer(tiles * 8)),
    looks: new Float32Array(new SharedArrayBuffer(tiles * LOOKS * 4)),
    samples: new Uint8Array(new SharedArrayBuffer(tiles * SAMPLE_BYTES)),
  }
}

/** Measures the tile with index `i`. */
export function measureTile(
  { hashes, looks, samples }: Measures,
  i: number,
  pixels: Uint8Array,
  sizePx: number,
): void {
  const grey = greyOf(pixels)
  const { hash, contrast } = perceptualHash(grey, sizePx)
  hashes.set(hash, i * 2)
  looks.set([laplacianVariance(grey, sizePx), backgroundShare(pixels), contrast], i * LOOKS)
  for (let row = 0; row < GRID; row++) {
    for (let column = 0; column < GRID; column++) {
      const from = (gridPlace(row, sizePx) * sizePx + gridPlace(column, sizePx)) * 3
      const to = i * SAMPLE_BYTES + (row * GRID + column) * 3
      for (let c = 0; c < 3; c++) samples[to + c] = pixels[from + c] as number
    }
  }
}

/** Middle of a cell of the grid, in pixels. */
function gridPlace(cell: number, sizePx: number): number {
  return Math.floor(((cell + 0.5) * sizePx) / GRID)
}

function backgroundShare(pixels: Uint8Array): number {
  let count = 0
  for (let at = 0; at < pixels.length; at += 3) {
    if (isBackground(pixels[at] as number, pixels[at + 1] as number, pixels[at + 2] as number)) count++
  }
  return (count * 3) / pixels.length
}

/** Variance of the Laplacian. */
export function sharpnessOf({ looks }: Measures, i: number): number {
  return looks[i * LOOKS] as number
}

/** 0 to 1. */
export function backgroundOf({ looks }: Measures, i: number): number {
  return looks[i * LOOKS + 1] as number
}

/** The hash; null of a tile that is too plain to be told from another plain one. */
export function hashOf({ hashes, looks }: Measures, i: number): Hash | null {
  if ((looks[i * LOOKS + 2] as number) < FLAT_CONTRAST) return null
  return [hashes[i * 2] as number, hashes[i * 2 + 1] as number]
}

/** `[SAMPLED_PIXELS, 3]` bytes. */
export function sampleOf({ samples }: Measures, i: number): Uint8Array {
  return samples.subarray(i * SAMPLE_BYTES, (i + 1) * SAMPLE_BYTES)
}
