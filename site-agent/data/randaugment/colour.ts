/**
 * @file RandAugment's saturation, and the grey that it and contrast measure colours against.
 *
 *   L = (19595 R + 38470 G + 7471 B + 2¹⁵) >> 16     ITU-R 601-2 luma in 16-bit fixed point
 *   Color: L + factor · (v − L), each channel
 *
 * Source: Pillow's `Convert.c` and `ImageEnhance`.
 */
import type { Table } from './tables.ts'

const RED = 19_595
const GREEN = 38_470
const BLUE = 7471
const HALF = 0x8000

/** Returns the mean grey level of a tile after `table`, rounded to the nearest level: what contrast turns around. */
export function meanGrey(pixels: Uint8Array, table: Table | null): number {
  let sum = 0
  for (let i = 0; i < pixels.length; i += 3) {
    let r = pixels[i] as number
    let g = pixels[i + 1] as number
    let b = pixels[i + 2] as number
    if (table !== null) {
      r = table[r] as number
      g = table[256 + g] as number
      b = table[512 + b] as number
    }
    sum += (r * RED + g * GREEN + b * BLUE + HALF) >> 16
  }
  return Math.floor(sum / (pixels.length / 3) + 0.5)
}

/** `ImageEnhance.Color`: writes the tile with its colours `factor` times as far from grey. `out` may be `pixels`. */
export function saturate(out: Uint8Array, pixels: Uint8Array, factor: number): void {
  const single = Math.fround(factor)
  // Products of every difference of two bytes, rounded to single precision as Pillow's are.
  for (let d = -255; d <= 255; d++) SCALED[d + 255] = single * d
  for (let i = 0; i < pixels.length; i += 3) {
    const r = pixels[i] as number
    const g = pixels[i + 1] as number
    const b = pixels[i + 2] as number
    const grey = (r * RED + g * GREEN + b * BLUE + HALF) >> 16
    const base = 255 - grey
    out[i] = byteOf(Math.fround(grey + (SCALED[base + r] as number)))
    out[i + 1] = byteOf(Math.fround(grey + (SCALED[base + g] as number)))
    out[i + 2] = byteOf(Math.fround(grey + (SCALED[base + b] as number)))
  }
}

const SCALED = new Float32Array(511)

function byteOf(value: number): number {
  return value <= 0 ? 0 : value >= 255 ? 255 : value | 0
}
