/** Four float32 at a time. */

/** Stores the first `count` lanes (all four if there are more). */
// @ts-ignore: decorator
@inline
export function storeLanes(to: usize, value: v128, count: i32): void {
  if (count >= 4) {
    v128.store(to, value)
  } else {
    f32.store(to, f32x4.extract_lane(value, 0))
    if (count > 1) f32.store(to, f32x4.extract_lane(value, 1), 4)
    if (count > 2) f32.store(to, f32x4.extract_lane(value, 2), 8)
  }
}

// @ts-ignore: decorator
@inline
export function multiplyAdd(sum: v128, a: v128, b: v128): v128 {
  return f32x4.add(sum, f32x4.mul(a, b))
}
