/** Sums in float64. */

/**
 * sum [count] (+)= Σ c_r · x_r, the rows in their order; `first`: nothing is there yet. Eight coordinates at a time stay in registers over
 * all rows.
 */
export function weightedSum(
  rows: usize,
  stride: usize,
  rowCount: i32,
  coefficients: usize,
  sum: usize,
  count: i32,
  first: bool,
): void {
  for (let i: i32 = 0; i < count; i += 8, rows += 32, sum += 64) {
    let a = first ? f64x2.splat(0) : v128.load(sum)
    let b = first ? f64x2.splat(0) : v128.load(sum, 16)
    let c = first ? f64x2.splat(0) : v128.load(sum, 32)
    let d = first ? f64x2.splat(0) : v128.load(sum, 48)
    let from = rows
    let factor = coefficients
    for (let r: i32 = 0; r < rowCount; r++, from += stride, factor += 8) {
      const f = v128.load64_splat(factor)
      a = f64x2.add(a, f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(from)), f))
      b = f64x2.add(b, f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(from, 8)), f))
      c = f64x2.add(c, f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(from, 16)), f))
      d = f64x2.add(d, f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(from, 24)), f))
    }
    v128.store(sum, a)
    v128.store(sum, b, 16)
    v128.store(sum, c, 32)
    v128.store(sum, d, 48)
  }
}

/** y [count] = sum / divisor, rounded to float32. */
export function quotient(sum: usize, divisor: f64, y: usize, count: i32): void {
  const by = f64x2.splat(divisor)
  for (let i: i32 = 0; i < count; i += 4, sum += 32, y += 16) {
    const low = f32x4.demote_f64x2_zero(f64x2.div(v128.load(sum), by))
    const high = f32x4.demote_f64x2_zero(f64x2.div(v128.load(sum, 16), by))
    v128.store(y, v128.shuffle<i64>(low, high, 0, 2))
  }
}

/** x [count] = factor · x, in float64, rounded to float32. */
export function scale(x: usize, factor: f64, count: i32): void {
  const by = f64x2.splat(factor)
  for (let i: i32 = 0; i < count; i += 4, x += 16) {
    const low = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(x)), by)
    const high = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(x, 8)), by)
    v128.store(x, v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2))
  }
}

/** Σ x². Not finite exactly if an element is not: the square of the largest float32 is 1.2e77, and float64 holds 1e231 of those. */
export function sumOfSquares(x: usize, count: i32): f64 {
  let a = f64x2.splat(0)
  let b = f64x2.splat(0)
  let i: i32 = 0
  for (; i + 4 <= count; i += 4, x += 16) {
    const low = f64x2.promote_low_f32x4(v128.load64_zero(x))
    const high = f64x2.promote_low_f32x4(v128.load64_zero(x, 8))
    a = f64x2.add(a, f64x2.mul(low, low))
    b = f64x2.add(b, f64x2.mul(high, high))
  }
  const all = f64x2.add(a, b)
  let sum = f64x2.extract_lane(all, 0) + f64x2.extract_lane(all, 1)
  for (; i < count; i++, x += 4) {
    const value = <f64>f32.load(x)
    sum += value * value
  }
  return sum
}
