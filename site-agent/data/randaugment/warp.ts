/**
 * @file RandAugment's geometric operations: one inverse affine map, read by two or four pixels in each direction.
 *
 *   (u, v) = A · (x + ½, y + ½, 1)     where pixel (x, y) of the result is read; a centre lies at ½
 *
 * Outside the tile: the fill colour. Read pixels beyond the edge repeat it. Arithmetic in double precision, cut off to a byte.
 * Source: Pillow's `Geometry.c` (`affine_transform`, `bilinear_filter32RGB`, `bicubic_filter32RGB`; its cubic has a = −1).
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

/** Writes the mapped tile of `[sizePx, sizePx, 3]` bytes. `out` must not be `pixels`. */
export function warp(
  out: Uint8Array,
  pixels: Uint8Array,
  sizePx: number,
  [a, b, c, d, e, f]: Affine,
  cubic: boolean,
): void {
  const read = cubic ? readCubic : readLinear
  let o = 0
  for (let y = 0; y < sizePx; y++) {
    for (let x = 0; x < sizePx; x++) {
      const u = a * (x + 0.5) + b * (y + 0.5) + c
      const v = d * (x + 0.5) + e * (y + 0.5) + f
      if (u < 0 || u >= sizePx || v < 0 || v >= sizePx) {
        out[o] = FILL[0]
        out[o + 1] = FILL[1]
        out[o + 2] = FILL[2]
      } else {
        read(out, o, pixels, sizePx, u - 0.5, v - 0.5)
      }
      o += 3
    }
  }
}

function readLinear(
  out: Uint8Array,
  o: number,
  pixels: Uint8Array,
  size: number,
  u: number,
  v: number,
): void {
  const x = Math.floor(u)
  const y = Math.floor(v)
  const dx = u - x
  const dy = v - y
  const last = size - 1
  const left = x < 0 ? 0 : x * 3
  const right = x < last ? (x + 1) * 3 : last * 3
  const upper = y < 0 ? 0 : y * size * 3
  const lower = (y < last ? y + 1 : last) * size * 3
  for (let channel = 0; channel < 3; channel++) {
    const p = pixels[upper + left + channel] as number
    const above = p + ((pixels[upper + right + channel] as number) - p) * dx
    if (dy === 0) {
      out[o + channel] = above
      continue
    }
    const q = pixels[lower + left + channel] as number
    const below = q + ((pixels[lower + right + channel] as number) - q) * dx
    out[o + channel] = above + (below - above) * dy
  }
}

function readCubic(out: Uint8Array, o: number, pixels: Uint8Array, size: number, u: number, v: number): void {
  const x = Math.floor(u)
  const y = Math.floor(v)
  const dx = u - x
  const dy = v - y
  const last = size - 1
  const stride = size * 3
  const x1 = clamp(x, last) * 3
  const y1 = clamp(y, last) * stride
  const x0 = clamp(x - 1, last) * 3
  const x2 = clamp(x + 1, last) * 3
  const x3 = clamp(x + 2, last) * 3
  const y0 = clamp(y - 1, last) * stride
  const y2 = clamp(y + 1, last) * stride
  const y3 = clamp(y + 2, last) * stride
  for (let channel = 0; channel < 3; channel++) {
    let value: number
    // A cubic through its own point is that point: shears and shifts need one direction only.
    if (dy === 0) value = alongRow(pixels, y1 + channel, x0, x1, x2, x3, dx)
    else if (dx === 0) {
      const at = x1 + channel
      value = cubicAt(
        pixels[y0 + at] as number,
        pixels[y1 + at] as number,
        pixels[y2 + at] as number,
        pixels[y3 + at] as number,
        dy,
      )
    } else {
      value = cubicAt(
        alongRow(pixels, y0 + channel, x0, x1, x2, x3, dx),
        alongRow(pixels, y1 + channel, x0, x1, x2, x3, dx),
        alongRow(pixels, y2 + channel, x0, x1, x2, x3, dx),
        alongRow(pixels, y3 + channel, x0, x1, x2, x3, dx),
        dy,
      )
    }
    out[o + channel] = value <= 0 ? 0 : value >= 255 ? 255 : value
  }
}

function alongRow(
  pixels: Uint8Array,
  row: number,
  x0: number,
  x1: number,
  x2: number,
  x3: number,
  dx: number,
): number {
  return cubicAt(
    pixels[row + x0] as number,
    pixels[row + x1] as number,
    pixels[row + x2] as number,
    pixels[row + x3] as number,
    dx,
  )
}

function cubicAt(p0: number, p1: number, p2: number, p3: number, t: number): number {
  return p1 + t * (p2 - p0 + t * (2 * (p0 - p1) + p2 - p3 + t * (p1 - p0 - p2 + p3)))
}

function clamp(i: number, last: number): number {
  return i < 0 ? 0 : i > last ? last : i
}
