/**
 * @file RandAugment's sharpness: away from, or towards, a smoothed tile.
 *
 *   S = (4 v + Σ of the 3 × 3 around v) / 13, rounded; the outermost pixels stay
 *   out = S + factor · (v − S)
 *
 * Source: Pillow's `ImageEnhance.Sharpness` and `ImageFilter.SMOOTH`.
 */

/** A thirteenth, rounded, of every possible sum. 13 is odd: no sum lies half-way. */
const THIRTEENTH = Uint8Array.from({ length: 13 * 255 + 1 }, (_, sum) => (sum + 6.5) / 13)
const SCALED = new Float32Array(511)

/** Writes the sharpened tile of `[sizePx, sizePx, 3]` bytes. `out` must not be `pixels`. */
export function sharpen(out: Uint8Array, pixels: Uint8Array, sizePx: number, factor: number): void {
  const stride = sizePx * 3
  out.set(pixels)
  if (sizePx < 3) return
  const single = Math.fround(factor)
  for (let d = -255; d <= 255; d++) SCALED[d + 255] = single * d
  const columns = new Uint16Array(stride)
  for (let row = stride; row < pixels.length - stride; row += stride) {
    for (let i = 0; i < stride; i++) {
      const at = row + i
      columns[i] = (pixels[at - stride] as number) + (pixels[at] as number) + (pixels[at + stride] as number)
    }
    for (let i = 3; i < stride - 3; i++) {
      const v = pixels[row + i] as number
      const around = (columns[i - 3] as number) + (columns[i] as number) + (columns[i + 3] as number)
      const smooth = THIRTEENTH[around + 4 * v] as number
      const value = Math.fround(smooth + (SCALED[255 + v - smooth] as number))
      out[row + i] = value <= 0 ? 0 : value >= 255 ? 255 : value | 0
    }
  }
}
