/**
 * @file RandAugment's geometric operations: one inverse affine map, which wasm/assembly/warp.ts carries out.
 *
 *   (u, v) = A · (x + ½, y + ½, 1)     where pixel (x, y) of the result is read; a centre lies at ½
 *
 * Source: Pillow's `Image.transform` and `Image.rotate`.
 */

/** a, b, c, d, e, f of u = ax + by + c, v = dx + ey + f. */
export type Affine = readonly [number, number, number, number, number, number]

/** ImageNet's mean as bytes: the grey that the paper's code fills with. */
export const FILL = [124, 116, 104] as const

/** Map of `Image.transform` that shifts rows against each other. */
export const shearX = (factor: number): Affine => [1, factor, 0, 0, 1, 0]
export const shearY = (factor: number): Affine => [1, 0, 0, factor, 1, 0]
/** Map that reads `pixels` further to the right. */
export const translateX = (pixels: number): Affine => [1, 0, pixels, 0, 1, 0]
export const translateY = (pixels: number): Affine => [1, 0, 0, 0, 1, pixels]

/** Map of `Image.rotate`: counter-clockwise about the middle. Entries are rounded to 15 digits there, so here too. */
export function rotation(degrees: number, sizePx: number): Affine {
  const radians = -(((degrees % 360) + 360) % 360) * (Math.PI / 180)
  const round = (value: number): number => Number(value.toFixed(15))
  const [a, b, d, e] = [Math.cos(radians), Math.sin(radians), -Math.sin(radians), Math.cos(radians)].map(
    round,
  ) as [number, number, number, number]
  const middle = sizePx / 2
  return [a, b, a * -middle + b * -middle + middle, d, e, d * -middle + e * -middle + middle]
}
