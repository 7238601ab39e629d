/**
 * Planes of brightness, blueness and redness as RGB, to the bit what libjpeg gives by default: coarser planes are brought to full size by
 * triangles (three quarters of the nearest sample, one quarter of the next), colours turned in 16-bit fixed point.
 *
 *   R = Y + 1.402 Cr′     G = Y − 0.34414 Cb′ − 0.71414 Cr′     B = Y + 1.772 Cb′     with Cb′ = Cb − 128, Cr′ = Cr − 128, each sum rounded
 *
 * Source: ITU-T T.871, section 7; the filter and its rounding: libjpeg's `jdsample.c`, described there.
 */
import { Component, componentAt } from './component'

/**
 * Writes `[height, width, 3]` bytes.
 *
 * @param scratch 6 bytes a column of the picture, and 256.
 */
export function writeRgb(to: usize, width: i32, height: i32, scratch: usize): void {
  const luma = componentAt(0)
  const blue = componentAt(1)
  const red = componentAt(2)
  const stride = <usize>luma.blocksAcross << 3
  // Room for a sample before the first one and for the last vector's rest.
  const row = (<usize>width + 63) & ~15
  const sums = scratch + 32
  const blueRow = sums + 2 * row
  const redRow = blueRow + row
  for (let y: i32 = 0; y < height; y++, to += <usize>width * 3) {
    const b = fullRow(blue, luma, y, width, height, sums, blueRow)
    const r = fullRow(red, luma, y, width, height, sums, redRow)
    turnColours(to, luma.plane + <usize>y * stride, b, r, width)
  }
}

/** Address of a component's samples in row `y` of the picture: the plane's own, or such that are written to `to`. */
function fullRow(
  component: Component,
  luma: Component,
  y: i32,
  width: i32,
  height: i32,
  sums: usize,
  to: usize,
): usize {
  const stride = <usize>component.blocksAcross << 3
  const wide = luma.across == 2
  if (luma.down == 1) {
    const near = component.plane + <usize>y * stride
    if (!wide) return near
    widenBytes(near, sums, (width + 1) >> 1)
    spread(sums, to, (width + 1) >> 1, 1, 2, 2)
    return to
  }
  const rows = (height + 1) >> 1
  const own = y >> 1
  // The nearer of the two neighbours; beyond the edge the edge itself.
  const other = y & 1 ? min(own + 1, rows - 1) : max(own - 1, 0)
  const near = component.plane + <usize>own * stride
  const far = component.plane + <usize>other * stride
  if (!wide) {
    mixBytes(near, far, to, width, y & 1 ? 2 : 1)
    return to
  }
  mix(near, far, sums, (width + 1) >> 1)
  spread(sums, to, (width + 1) >> 1, 8, 7, 4)
  return to
}

/** Bytes as 16 bits. */
function widenBytes(from: usize, to: usize, count: i32): void {
  for (let i: i32 = 0; i < count; i += 8, from += 8, to += 16) v128.store(to, v128.load8x8_u(from))
}

/** 3 near + far, as 16 bits. */
function mix(near: usize, far: usize, to: usize, count: i32): void {
  for (let i: i32 = 0; i < count; i += 8, near += 8, far += 8, to += 16) {
    v128.store(to, threeAndOne(v128.load8x8_u(near), v128.load8x8_u(far)))
  }
}

/** (3 near + far + half) / 4. */
function mixBytes(near: usize, far: usize, to: usize, count: i32, half: i32): void {
  const rounding = i16x8.splat(<i16>half)
  for (let i: i32 = 0; i < count; i += 8, near += 8, far += 8, to += 8) {
    const sum = i16x8.add(threeAndOne(v128.load8x8_u(near), v128.load8x8_u(far)), rounding)
    const bytes = i8x16.narrow_i16x8_u(i16x8.shr_u(sum, 2), sum)
    v128.store64_lane(to, bytes, 0)
  }
}

// @ts-ignore: decorator
@inline
function threeAndOne(near: v128, far: v128): v128 {
  return i16x8.add(i16x8.add(i16x8.shl(near, 1), near), far)
}

/** Two bytes of each of `count` sums: (3 s + the one before + left) >> shift, and (3 s + the next + right) >> shift. */
function spread(sums: usize, to: usize, count: i32, left: i32, right: i32, shift: i32): void {
  store<u16>(sums - 2, load<u16>(sums))
  const last = sums + (<usize>count << 1)
  store<u16>(last, load<u16>(last - 2))
  const roundLeft = i16x8.splat(<i16>left)
  const roundRight = i16x8.splat(<i16>right)
  for (let i: i32 = 0; i < count; i += 8, sums += 16, to += 16) {
    const own = v128.load(sums)
    const three = i16x8.add(i16x8.shl(own, 1), own)
    const before = i16x8.shr_u(i16x8.add(i16x8.add(three, v128.load(sums - 2)), roundLeft), shift)
    const after = i16x8.shr_u(i16x8.add(i16x8.add(three, v128.load(sums + 2)), roundRight), shift)
    // Each is a byte: the right one goes to the upper half.
    v128.store(to, v128.or(before, i16x8.shl(after, 8)))
  }
}

/** Bits 16 and up of 0.402, 0.34414, 0.71414 and 1.772, times 2¹⁶, less what is added as a whole. */
const RED: i32 = 26345
const BLUE: i32 = -14942
const GREEN_BLUE: i32 = -22554
const GREEN_RED: i32 = 18734

// @ts-ignore: decorator
@inline
function pairs(a: i32, b: i32): v128 {
  return i32x4.splat((a & 0xffff) | (b << 16))
}

/** The upper halves of eight rounded sums of two products. */
// @ts-ignore: decorator
@inline
function upper(a: v128, b: v128, factors: v128): v128 {
  const half = i32x4.splat(0x8000)
  const low = i32x4.dot_i16x8_s(v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11), factors)
  const high = i32x4.dot_i16x8_s(v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15), factors)
  return i16x8.narrow_i32x4_s(i32x4.shr_s(i32x4.add(low, half), 16), i32x4.shr_s(i32x4.add(high, half), 16))
}

function turnColours(to: usize, luma: usize, blue: usize, red: usize, width: i32): void {
  const middle = i16x8.splat(128)
  const none = i16x8.splat(0)
  for (let x: i32 = 0; x < width; x += 16, luma += 16, blue += 16, red += 16, to += 48) {
    const y0 = v128.load8x8_u(luma)
    const y1 = v128.load8x8_u(luma, 8)
    const b0 = i16x8.sub(v128.load8x8_u(blue), middle)
    const b1 = i16x8.sub(v128.load8x8_u(blue, 8), middle)
    const r0 = i16x8.sub(v128.load8x8_u(red), middle)
    const r1 = i16x8.sub(v128.load8x8_u(red, 8), middle)
    const R = i8x16.narrow_i16x8_u(redOf(y0, r0, none), redOf(y1, r1, none))
    const G = i8x16.narrow_i16x8_u(greenOf(y0, b0, r0), greenOf(y1, b1, r1))
    const B = i8x16.narrow_i16x8_u(blueOf(y0, b0, none), blueOf(y1, b1, none))
    let rg = v128.shuffle<i8>(R, G, 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5)
    v128.store(to, v128.shuffle<i8>(rg, B, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15))
    rg = v128.shuffle<i8>(R, G, 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26)
    v128.store(to, v128.shuffle<i8>(rg, B, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15), 16)
    rg = v128.shuffle<i8>(R, G, 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0)
    v128.store(to, v128.shuffle<i8>(rg, B, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31), 32)
  }
}

// @ts-ignore: decorator
@inline
function redOf(luma: v128, red: v128, none: v128): v128 {
  return i16x8.add(luma, i16x8.add(red, upper(red, none, pairs(RED, 0))))
}

// @ts-ignore: decorator
@inline
function greenOf(luma: v128, blue: v128, red: v128): v128 {
  return i16x8.add(luma, i16x8.sub(upper(blue, red, pairs(GREEN_BLUE, GREEN_RED)), red))
}

// @ts-ignore: decorator
@inline
function blueOf(luma: v128, blue: v128, none: v128): v128 {
  return i16x8.add(luma, i16x8.add(i16x8.shl(blue, 1), upper(blue, none, pairs(BLUE, 0))))
}
