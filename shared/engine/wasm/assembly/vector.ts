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

/** The sum of the four lanes. */
// @ts-ignore: decorator
@inline
export function laneSum(value: v128): f32 {
  return (
    f32x4.extract_lane(value, 0) + f32x4.extract_lane(value, 1) + (f32x4.extract_lane(value, 2) + f32x4.extract_lane(value, 3))
  )
}

/**
 * e^x, relative error below 2e-7 on [-87.3, 88.3], x clamped to that range (NaN stays NaN).
 *
 * x = n ln 2 + r with |r| <= ln 2 / 2; e^r by the polynomial of Cephes' expf (S. Moshier, https://www.netlib.org/cephes/).
 */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const bounded = f32x4.min(f32x4.max(x, f32x4.splat(-87.3)), f32x4.splat(88.3))
  const n = f32x4.nearest(f32x4.mul(bounded, f32x4.splat(1.44269504)))
  // ln 2 in two parts: the first has few bits, so that n times it is exact.
  const r = f32x4.sub(
    f32x4.sub(bounded, f32x4.mul(n, f32x4.splat(0.693359375))),
    f32x4.mul(n, f32x4.splat(-2.12194440e-4)),
  )
  let p = f32x4.splat(1.9875691500e-4)
  p = multiplyAdd(f32x4.splat(1.3981999507e-3), p, r)
  p = multiplyAdd(f32x4.splat(8.3334519073e-3), p, r)
  p = multiplyAdd(f32x4.splat(4.1665795894e-2), p, r)
  p = multiplyAdd(f32x4.splat(1.6666665459e-1), p, r)
  p = multiplyAdd(f32x4.splat(5.0000001201e-1), p, r)
  p = f32x4.add(multiplyAdd(r, p, f32x4.mul(r, r)), f32x4.splat(1))
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23)
  return f32x4.mul(p, power)
}

/** 1 / (1 + e^-x). */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  const one = f32x4.splat(1)
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))))
}

/** The derivative of x σ(x): σ (1 + x (1 - σ)). */
// @ts-ignore: decorator
@inline
export function swishSlope4(x: v128): v128 {
  const one = f32x4.splat(1)
  const s = sigmoid4(x)
  return f32x4.mul(s, multiplyAdd(one, x, f32x4.sub(one, s)))
}
