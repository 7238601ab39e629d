/**
 * One pixel of an affine map in double precision, step by step as in Pillow's `Geometry.c` (`bilinear_filter32RGB`, `bicubic_filter32RGB`; its cubic has
 * a = −1), cut off to a byte. Read pixels beyond the edge repeat it.
 */

/** Writes one pixel, read at (u, v), by four others. */
export function readLinear(to: usize, from: usize, size: i32, u: f64, v: f64): void {
  const floorU = Math.floor(u)
  const floorV = Math.floor(v)
  const dx = u - floorU
  const dy = v - floorV
  const x = <i32>floorU
  const y = <i32>floorV
  const last = size - 1
  const upper = from + <usize>(max(y, 0) * size * 3)
  const lower = from + <usize>(min(y + 1, last) * size * 3)
  const left = <usize>(max(x, 0) * 3)
  const right = <usize>(min(x + 1, last) * 3)
  for (let channel: usize = 0; channel < 3; channel++) {
    let value = mixed(upper + channel, left, right, dx)
    if (dy != 0) value += (mixed(lower + channel, left, right, dx) - value) * dy
    store<u8>(to + channel, <u8>(<i32>value))
  }
}

// @ts-ignore: decorator
@inline
function mixed(row: usize, left: usize, right: usize, dx: f64): f64 {
  const p = <f64>load<u8>(row + left)
  return p + (<f64>load<u8>(row + right) - p) * dx
}

/** By sixteen others. */
export function readCubic(to: usize, from: usize, size: i32, u: f64, v: f64): void {
  const floorU = Math.floor(u)
  const floorV = Math.floor(v)
  const dx = u - floorU
  const dy = v - floorV
  const x = <i32>floorU
  const y = <i32>floorV
  const last = size - 1
  const stride = size * 3
  const x0 = <usize>(within(x - 1, last) * 3)
  const x1 = <usize>(within(x, last) * 3)
  const x2 = <usize>(within(x + 1, last) * 3)
  const x3 = <usize>(within(x + 2, last) * 3)
  const y0 = from + <usize>(within(y - 1, last) * stride)
  const y1 = from + <usize>(within(y, last) * stride)
  const y2 = from + <usize>(within(y + 1, last) * stride)
  const y3 = from + <usize>(within(y + 2, last) * stride)
  for (let channel: usize = 0; channel < 3; channel++) {
    let value: f64
    // A cubic through its own point is that point: shears and shifts need one direction only.
    if (dy == 0) value = alongRow(y1 + channel, x0, x1, x2, x3, dx)
    else if (dx == 0) {
      const at = x1 + channel
      value = cubicAt(level(y0 + at), level(y1 + at), level(y2 + at), level(y3 + at), dy)
    } else {
      value = cubicAt(
        alongRow(y0 + channel, x0, x1, x2, x3, dx),
        alongRow(y1 + channel, x0, x1, x2, x3, dx),
        alongRow(y2 + channel, x0, x1, x2, x3, dx),
        alongRow(y3 + channel, x0, x1, x2, x3, dx),
        dy,
      )
    }
    store<u8>(to + channel, value <= 0 ? 0 : value >= 255 ? 255 : <u8>(<i32>value))
  }
}

// @ts-ignore: decorator
@inline
function level(at: usize): f64 {
  return <f64>load<u8>(at)
}

// @ts-ignore: decorator
@inline
function alongRow(row: usize, x0: usize, x1: usize, x2: usize, x3: usize, dx: f64): f64 {
  return cubicAt(level(row + x0), level(row + x1), level(row + x2), level(row + x3), dx)
}

// @ts-ignore: decorator
@inline
function cubicAt(p0: f64, p1: f64, p2: f64, p3: f64, t: f64): f64 {
  return p1 + t * (p2 - p0 + t * (2 * (p0 - p1) + p2 - p3 + t * (p1 - p0 - p2 + p3)))
}

// @ts-ignore: decorator
@inline
function within(i: i32, last: i32): i32 {
  return max(0, min(i, last))
}
