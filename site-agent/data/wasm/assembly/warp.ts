/**
 * An affine map read backwards, by two or four pixels in each direction.
 *
 *   (u, v) = A · (x + ½, y + ½, 1)     where pixel (x, y) of the result is read; a centre lies at ½
 *
 * Outside the tile: the fill colour. The result is what warp-exact.ts gives, which is cut off to a byte. So away from whole numbers single
 * precision is enough: its error is below 1/1000 of a level (weights wrong by 3e-7 each, sixteen products of at most 255), and
 * what it puts within 1/256 of a whole number is computed again.
 */
import { readCubic, readLinear } from './warp-exact'

/**
 * Constants, four lanes each; V8 would build a literal anew at each use.
 * With f the part behind the point, f (1 − f) is below the first one within 1/256 of a whole number.
 */
const CONSTANTS = memory.data<f32>([
  0.00389, 0.00389, 0.00389, 0.00389, 255, 255, 255, 255, 8388608, 8388608, 8388608, 8388608, -1, 1, -1, 1, 2, -2, 1, -1, -1, 0, 1, 0, 0, 1,
  0, 0,
], 16)
const NEAR: usize = 0
const WHITE: usize = 16
/** 2²³: added to a whole number, it leaves it in the lowest bits. */
const WHOLE: usize = 32
const CUBIC_3: usize = 48
const CUBIC_2: usize = 64
const CUBIC_1: usize = 80
const CUBIC_0: usize = 96
/** The same for doubles, negative ones too: 1.5 · 2⁵². */
const WHOLE_64: f64 = 6755399441055744.0

// @ts-ignore: decorator
@inline
function constant(offset: usize): v128 {
  return v128.load(CONSTANTS + offset)
}

/**
 * Writes `[size, size, 3]` bytes. `to` must not be `from`.
 *
 * @param fill Red, green and blue, from the lowest byte on.
 */
export function warp(
  to: usize,
  from: usize,
  size: i32,
  a: f64,
  b: f64,
  c: f64,
  d: f64,
  e: f64,
  f: f64,
  cubic: bool,
  fill: i32,
): void {
  const limit = <f64>size
  const across = f64x2.replace_lane(f64x2.splat(a), 1, d)
  const along = f64x2.replace_lane(f64x2.splat(b), 1, e)
  const shift = f64x2.replace_lane(f64x2.splat(c), 1, f)
  // Columns and rows at which all pixels that are read lie in the tile.
  const first: i32 = cubic ? 1 : 0
  const count = cubic ? size - 3 : size - 1
  for (let y: i32 = 0; y < size; y++) {
    const ofRow = f64x2.mul(along, f64x2.splat(<f64>y + 0.5))
    for (let x: i32 = 0; x < size; x++, to += 3) {
      const uv = f64x2.add(f64x2.add(f64x2.mul(across, f64x2.splat(<f64>x + 0.5)), ofRow), shift)
      const corner = f64x2.sub(uv, f64x2.splat(0.5))
      const floor = f64x2.floor(corner)
      const whole = f64x2.add(floor, f64x2.splat(WHOLE_64))
      const column = i32x4.extract_lane(whole, 0)
      const row = i32x4.extract_lane(whole, 2)
      const inside = <u32>(column - first) < <u32>max(count, 0) && <u32>(row - first) < <u32>max(count, 0)
      if (inside) {
        const rest = f32x4.demote_f64x2_zero(f64x2.sub(corner, floor))
        const at = from + <usize>((row * size + column) * 3)
        const stride = <usize>size * 3
        const bits = i64x2.extract_lane(rest, 0)
        // 0 for a map that moves pixels in one direction only.
        const dx = <i32>bits
        const dy = <i32>(bits >> 32)
        let done: bool
        if (!cubic) done = linear(to, at, dx == 0 ? 0 : 3, dy == 0 ? 0 : stride, rest)
        else if (dx != 0 && dy != 0) done = cubicBoth(to, at, stride, rest)
        else {
          // A cubic through its own point is that point.
          const t = f32x4.splat(dy == 0 ? f32x4.extract_lane(rest, 0) : f32x4.extract_lane(rest, 1))
          done = cubicOne(to, at, dy == 0 ? 3 : stride, t)
        }
        if (done) continue
      } else {
        const u = f64x2.extract_lane(uv, 0)
        const v = f64x2.extract_lane(uv, 1)
        if (u < 0 || u >= limit || v < 0 || v >= limit) {
          store<i32>(to, fill)
          continue
        }
      }
      const u = f64x2.extract_lane(corner, 0)
      const v = f64x2.extract_lane(corner, 1)
      if (cubic) readCubic(to, from, size, u, v)
      else readLinear(to, from, size, u, v)
    }
  }
}

/** A pixel as whole numbers, and a byte more. */
// @ts-ignore: decorator
@inline
function pixel(at: usize): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(at)))
}

/**
 * False when the pixel must be computed exactly. `at`: its upper left neighbour; the others are `right` and `down` bytes further, 0 where they
 * have no weight.
 */
// @ts-ignore: decorator
@inline
function linear(to: usize, at: usize, right: usize, down: usize, rest: v128): bool {
  const p = pixel(at)
  const q = pixel(at + right)
  const r = pixel(at + down)
  const s = pixel(at + down + right)
  const equal = v128.and(v128.and(i32x4.eq(p, q), i32x4.eq(p, r)), i32x4.eq(p, s))
  const dx = v128.shuffle<i32>(rest, rest, 0, 0, 0, 0)
  const dy = v128.shuffle<i32>(rest, rest, 1, 1, 1, 1)
  const left = f32x4.convert_i32x4_s(p)
  const lower = f32x4.convert_i32x4_s(r)
  const above = f32x4.add(left, f32x4.mul(f32x4.sub(f32x4.convert_i32x4_s(q), left), dx))
  const below = f32x4.add(lower, f32x4.mul(f32x4.sub(f32x4.convert_i32x4_s(s), lower), dx))
  return storePixel(to, f32x4.add(above, f32x4.mul(f32x4.sub(below, above), dy)), equal)
}

/** A cubic through four pixels `step` bytes apart, between the second one, at `at`, and the third. */
// @ts-ignore: decorator
@inline
function cubicOne(to: usize, at: usize, step: usize, t: v128): bool {
  const w0 = pixel(at - step)
  const w1 = pixel(at)
  const w2 = pixel(at + step)
  const w3 = pixel(at + 2 * step)
  const equal = v128.and(v128.and(i32x4.eq(w0, w1), i32x4.eq(w1, w2)), i32x4.eq(w2, w3))
  const first = i32x4.sub(w2, w0)
  const far = i32x4.sub(w2, w3)
  const near = i32x4.sub(w0, w1)
  const second = f32x4.convert_i32x4_s(i32x4.add(i32x4.add(near, near), far))
  const third = f32x4.convert_i32x4_s(i32x4.sub(i32x4.sub(i32x4.splat(0), near), far))
  const slope = f32x4.add(f32x4.convert_i32x4_s(first), f32x4.mul(t, f32x4.add(second, f32x4.mul(t, third))))
  return storePixel(to, f32x4.add(f32x4.convert_i32x4_s(w1), f32x4.mul(t, slope)), equal)
}

/** Four channels of a row, in single precision. */
// @ts-ignore: decorator
@inline
function lower4(bytes: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(bytes))
}

// @ts-ignore: decorator
@inline
function upper4(bytes: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_u(bytes))
}

/** A cubic in both directions; the sixteen pixels begin one above and to the left of `at`. */
// @ts-ignore: decorator
@inline
function cubicBoth(to: usize, at: usize, stride: usize, rest: v128): bool {
  const corner = at - stride - 3
  const wx = weights(v128.shuffle<i32>(rest, rest, 0, 0, 0, 0))
  const wy = weights(v128.shuffle<i32>(rest, rest, 1, 1, 1, 1))
  const row0 = v128.load(corner)
  const row1 = v128.load(corner + stride)
  const row2 = v128.load(corner + 2 * stride)
  const row3 = v128.load(corner + 3 * stride)
  // Down first: twelve bytes of each row are three vectors.
  let w = v128.shuffle<i32>(wy, wy, 0, 0, 0, 0)
  let low = i16x8.extend_low_i8x16_u(row0)
  let a = f32x4.mul(lower4(low), w)
  let b = f32x4.mul(upper4(low), w)
  let c = f32x4.mul(lower4(i16x8.extend_high_i8x16_u(row0)), w)
  w = v128.shuffle<i32>(wy, wy, 1, 1, 1, 1)
  low = i16x8.extend_low_i8x16_u(row1)
  a = f32x4.add(a, f32x4.mul(lower4(low), w))
  b = f32x4.add(b, f32x4.mul(upper4(low), w))
  c = f32x4.add(c, f32x4.mul(lower4(i16x8.extend_high_i8x16_u(row1)), w))
  w = v128.shuffle<i32>(wy, wy, 2, 2, 2, 2)
  low = i16x8.extend_low_i8x16_u(row2)
  a = f32x4.add(a, f32x4.mul(lower4(low), w))
  b = f32x4.add(b, f32x4.mul(upper4(low), w))
  c = f32x4.add(c, f32x4.mul(lower4(i16x8.extend_high_i8x16_u(row2)), w))
  w = v128.shuffle<i32>(wy, wy, 3, 3, 3, 3)
  low = i16x8.extend_low_i8x16_u(row3)
  a = f32x4.add(a, f32x4.mul(lower4(low), w))
  b = f32x4.add(b, f32x4.mul(upper4(low), w))
  c = f32x4.add(c, f32x4.mul(lower4(i16x8.extend_high_i8x16_u(row3)), w))
  // Then across: R G B R, G B R G, B R G B.
  a = f32x4.mul(a, v128.shuffle<i32>(wx, wx, 0, 0, 0, 1))
  b = f32x4.mul(b, v128.shuffle<i32>(wx, wx, 1, 1, 2, 2))
  c = f32x4.mul(c, v128.shuffle<i32>(wx, wx, 2, 3, 3, 3))
  const left = f32x4.add(a, v128.shuffle<i32>(a, b, 3, 4, 5, 5))
  const right = f32x4.add(v128.shuffle<i32>(b, c, 2, 3, 4, 4), v128.shuffle<i32>(c, c, 1, 2, 3, 3))
  if (storePixel(to, f32x4.add(left, right), i32x4.splat(0))) return true
  // Where sixteen pixels are equal, so is the result.
  const pixel = v128.shuffle<i8>(row0, row0, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0)
  const rows = v128.and(
    v128.and(i8x16.eq(row0, pixel), i8x16.eq(row1, pixel)),
    v128.and(i8x16.eq(row2, pixel), i8x16.eq(row3, pixel)),
  )
  if ((i8x16.bitmask(rows) & 0xfff) != 0xfff) return false
  store<i32>(to, load<i32>(at))
  return true
}

/** Weights of four pixels at distances 1 + t, t, 1 − t and 2 − t, with t in every lane. */
// @ts-ignore: decorator
@inline
function weights(t: v128): v128 {
  const third = f32x4.add(f32x4.mul(constant(CUBIC_3), t), constant(CUBIC_2))
  return f32x4.add(f32x4.mul(f32x4.add(f32x4.mul(third, t), constant(CUBIC_1)), t), constant(CUBIC_0))
}

/** Writes three levels, cut off; false when one is too near to a whole number to be cut off, but for those that are `exact`. */
// @ts-ignore: decorator
@inline
function storePixel(to: usize, levels: v128, exact: v128): bool {
  const floor = f32x4.floor(levels)
  const part = f32x4.sub(levels, floor)
  const near = f32x4.lt(f32x4.sub(part, f32x4.mul(part, part)), constant(NEAR))
  if ((i32x4.bitmask(v128.andnot(near, exact)) & 7) != 0) return false
  const cut = f32x4.pmin(f32x4.pmax(floor, i32x4.splat(0)), constant(WHITE))
  const bytes = f32x4.add(cut, constant(WHOLE))
  v128.store32_lane(to, v128.shuffle<i8>(bytes, bytes, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12), 0)
  return true
}
