/** Encoded values as float32. */

/** y [count] = bfloat16 x: the upper half of a float32. */
export function widenBrain(x: usize, y: usize, count: i32): void {
  let i: i32 = 0
  for (; i + 8 <= count; i += 8, x += 16, y += 32) {
    const halves = v128.load(x)
    v128.store(y, i32x4.shl(i32x4.extend_low_i16x8_u(halves), 16))
    v128.store(y, i32x4.shl(i32x4.extend_high_i16x8_u(halves), 16), 16)
  }
  for (; i < count; i++, x += 2, y += 4) store<u32>(y, <u32>load<u16>(x) << 16)
}

/** y [count] = int8 x by blocks: a float32 scale, then `block` bytes, fewer in the last. */
export function widenBlocks(x: usize, y: usize, count: i32, block: i32): void {
  while (count > 0) {
    const n = min(count, block)
    const factor = load<f32>(x)
    const by = f32x4.splat(factor)
    x += 4
    let i: i32 = 0
    for (; i + 16 <= n; i += 16, x += 16, y += 64) {
      const bytes = v128.load(x)
      const low = i16x8.extend_low_i8x16_s(bytes)
      const high = i16x8.extend_high_i8x16_s(bytes)
      v128.store(y, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low)), by))
      v128.store(y, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low)), by), 16)
      v128.store(y, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high)), by), 32)
      v128.store(y, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high)), by), 48)
    }
    for (; i < n; i++, x += 1, y += 4) store<f32>(y, <f32>load<i8>(x) * factor)
    count -= n
  }
}
