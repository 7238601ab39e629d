/** Four float32 at a time: partial stores, the exponential and the logistic function. */

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

/**
 * e^x, relative error below 2e-7 on [-87.3, 88], x clamped to that range (NaN stays NaN).
 *
 * x = n ln 2 + r with |r| <= ln 2 / 2; e^r by the polynomial of Cephes' expf (S. Moshier, https://www.netlib.org/cephes/).
 */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  // pmin and pmax are one instruction each; min and max order zeros and NaN and are many.
  const bounded = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-87.3)), f32x4.splat(88))
  // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits.
  const magic = f32x4.splat(12582912)
  const shifted = multiplyAdd(magic, bounded, f32x4.splat(1.44269504))
  const n = f32x4.sub(shifted, magic)
  // ln 2 in two parts: the first has few bits, so that n times it is exact.
  const coarse = f32x4.sub(bounded, f32x4.mul(n, f32x4.splat(0.693359375)))
  const r = multiplyAdd(coarse, n, f32x4.splat(2.12194440e-4))
  let p = multiplyAdd(f32x4.splat(1.3981999507e-3), r, f32x4.splat(1.9875691500e-4))
  p = multiplyAdd(f32x4.splat(8.3334519073e-3), p, r)
  p = multiplyAdd(f32x4.splat(4.1665795894e-2), p, r)
  p = multiplyAdd(f32x4.splat(1.6666665459e-1), p, r)
  p = multiplyAdd(f32x4.splat(5.0000001201e-1), p, r)
  p = multiplyAdd(f32x4.add(r, f32x4.splat(1)), p, f32x4.mul(r, r))
  const power = i32x4.add(i32x4.shl(shifted, 23), i32x4.splat(0x3f800000))
  return f32x4.mul(p, power)
}

/** 1 / (1 + e^-x). */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  const one = f32x4.splat(1)
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))))
}

/** x σ(x). */
// @ts-ignore: decorator
@inline
export function swish4(x: v128): v128 {
  return f32x4.div(x, f32x4.add(f32x4.splat(1), exp4(f32x4.neg(x))))
}

/** The derivative of x σ(x): σ (1 + x (1 - σ)). */
// @ts-ignore: decorator
@inline
export function swishSlope4(x: v128): v128 {
  const one = f32x4.splat(1)
  const s = sigmoid4(x)
  return f32x4.mul(s, multiplyAdd(one, x, f32x4.sub(one, s)))
}
