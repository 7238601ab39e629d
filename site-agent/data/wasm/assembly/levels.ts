/**
 * Levels of a tile's channels: counted, replaced by a table's, measured against grey.
 *
 *   L = (19595 R + 38470 G + 7471 B + 2¹⁵) >> 16     ITU-R 601-2 luma in 16-bit fixed point
 *   Color: L + factor · (v − L), each channel
 *
 * Source: Pillow's `Convert.c` and `ImageEnhance`.
 */

/** A table has 256 entries for red, then green, then blue. */
const GREEN: usize = 256
const BLUE: usize = 512

/** Counts the levels of `pixels` pixels into 768 counts of 32 bits. */
export function countLevels(counts: usize, from: usize, pixels: i32): void {
  memory.fill(counts, 0, 768 * 4)
  const end = from + <usize>pixels * 3
  for (; from < end; from += 3) {
    count(counts + (<usize>load<u8>(from) << 2))
    count(counts + ((GREEN + <usize>load<u8>(from, 1)) << 2))
    count(counts + ((BLUE + <usize>load<u8>(from, 2)) << 2))
  }
}

// @ts-ignore: decorator
@inline
function count(at: usize): void {
  store<u32>(at, load<u32>(at) + 1)
}

/** Replaces each byte by its channel's entry of `table`. `to` may be `from`. */
export function applyTable(to: usize, from: usize, pixels: i32, table: usize): void {
  const end = from + <usize>pixels * 3
  for (; from < end; from += 3, to += 3) {
    const r = load<u8>(table + <usize>load<u8>(from))
    const g = load<u8>(table + GREEN + <usize>load<u8>(from, 1))
    const b = load<u8>(table + BLUE + <usize>load<u8>(from, 2))
    store<u8>(to, r)
    store<u8>(to, g, 1)
    store<u8>(to, b, 2)
  }
}

/** Sum of the grey levels of `pixels` pixels after `table`. */
export function sumGrey(from: usize, pixels: i32, table: usize): f64 {
  let sum: i64 = 0
  const end = from + <usize>pixels * 3
  for (; from < end; from += 3) {
    sum += greyOf(
      <i32>load<u8>(table + <usize>load<u8>(from)),
      <i32>load<u8>(table + GREEN + <usize>load<u8>(from, 1)),
      <i32>load<u8>(table + BLUE + <usize>load<u8>(from, 2)),
    )
  }
  return <f64>sum
}

// @ts-ignore: decorator
@inline
function greyOf(r: i32, g: i32, b: i32): i32 {
  return (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16
}

/** Writes colours `factor` times as far from grey, in single precision, cut off. `to` may be `from`. */
export function saturate(to: usize, from: usize, pixels: i32, factor: f32): void {
  const factors = f32x4.splat(factor)
  const end = from + <usize>pixels * 3
  for (; from < end; from += 3, to += 3) {
    const levels = load<i32>(from)
    const grey = i32x4.splat(greyOf(levels & 255, (levels >> 8) & 255, (levels >> 16) & 255))
    const bytes = i16x8.extend_low_i8x16_u(i32x4.splat(levels))
    const away = f32x4.convert_i32x4_s(i32x4.sub(i32x4.extend_low_i16x8_u(bytes), grey))
    const sum = f32x4.add(f32x4.convert_i32x4_s(grey), f32x4.mul(factors, away))
    const cut = i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(sum), grey)
    // One byte too many: the next pixel's, or of the room behind the last one.
    store<i32>(to, i32x4.extract_lane(i8x16.narrow_i16x8_u(cut, cut), 0))
  }
}
