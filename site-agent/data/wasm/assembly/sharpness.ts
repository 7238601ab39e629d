/**
 * Away from, or towards, a smoothed tile.
 *
 *   S = (4 v + Σ of the 3 × 3 around v) / 13, rounded; the outermost pixels stay
 *   out = S + factor · (v − S)
 *
 * Source: Pillow's `ImageEnhance.Sharpness` and `ImageFilter.SMOOTH`. 13 is odd, so the thirteenth of a sum is never nearer than 1/26 to
 * where rounding changes: single precision, wrong by 3e-5, rounds as exact numbers would.
 */

/** Writes rows of `stride` bytes, a multiple of 3; the outermost pixels stay. `to` must not be `from`. */
export function sharpen(to: usize, from: usize, stride: i32, rows: i32, factor: f32): void {
  const row = <usize>stride
  memory.copy(to, from, row * <usize>rows)
  const inner = row - 6
  for (let y: i32 = 1; y < rows - 1; y++) {
    const first = <usize>y * row + 3
    if (inner >= 8) {
      // The last eight overlap with those before.
      for (let i: usize = 0; i < inner; i += 8) {
        const at = first + min(i, inner - 8)
        v128.store64_lane(to + at, sharpened(from + at, row, factor), 0)
      }
    } else {
      for (let i: usize = 0; i < inner; i++) {
        store<i8>(to + first + i, i8x16.extract_lane_s(sharpened(from + first + i, row, factor), 0))
      }
    }
  }
}

/** Eight bytes. */
// @ts-ignore: decorator
@inline
function sharpened(at: usize, row: usize, factor: f32): v128 {
  const own = v128.load8x8_u(at)
  const around = i16x8.add(i16x8.add(rowOfThree(at - row), rowOfThree(at)), rowOfThree(at + row))
  const sum = i16x8.add(around, i16x8.shl(own, 2))
  const low = blended(i32x4.extend_low_i16x8_u(own), i32x4.extend_low_i16x8_u(sum), factor)
  const high = blended(i32x4.extend_high_i16x8_u(own), i32x4.extend_high_i16x8_u(sum), factor)
  const both = i16x8.narrow_i32x4_s(low, high)
  return i8x16.narrow_i16x8_u(both, both)
}

// @ts-ignore: decorator
@inline
function rowOfThree(at: usize): v128 {
  return i16x8.add(i16x8.add(v128.load8x8_u(at - 3), v128.load8x8_u(at)), v128.load8x8_u(at + 3))
}

/** S + factor · (v − S), cut off. */
// @ts-ignore: decorator
@inline
function blended(own: v128, sum: v128, factor: f32): v128 {
  const thirteenth = f32x4.mul(f32x4.add(f32x4.convert_i32x4_s(sum), f32x4.splat(6.5)), f32x4.splat(1.0 / 13.0))
  const smooth = i32x4.trunc_sat_f32x4_s(thirteenth)
  const away = f32x4.mul(f32x4.splat(factor), f32x4.convert_i32x4_s(i32x4.sub(own, smooth)))
  return i32x4.trunc_sat_f32x4_s(f32x4.add(f32x4.convert_i32x4_s(smooth), away))
}
