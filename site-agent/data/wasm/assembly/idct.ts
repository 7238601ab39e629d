/**
 * Inverse cosine transform of a block, in whole numbers, to the bit what libjpeg's accurate method gives, also where 16 bits overflow.
 *
 * Loeffler, Ligtenberg and Moschytz, ICASSP 1989: 12 products a row; constants with 13 bits of fraction, 2 more bits between the two passes.
 * Columns first, then rows: a pass works on eight vectors, of which each is one input of all eight columns, so the block is turned twice.
 */

// cos and sin of multiples of π/16, times 2¹³, summed as the products need them.
const A_2: i32 = 10703
const A_6: i32 = 4433
const B_6: i32 = -10704
const Z3_3: i32 = -6436
const Z34: i32 = 9633
const Z4_4: i32 = 6437
const T0_7: i32 = -4927
const T0_1: i32 = -7373
const T1_5: i32 = -4176
const T1_3: i32 = -20995
const T2_3: i32 = 4177
const T3_1: i32 = 4926

// @ts-ignore: decorator
@inline
function pairs(a: i32, b: i32): v128 {
  return i32x4.splat((a & 0xffff) | (b << 16))
}

// @ts-ignore: decorator
@inline
function low(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
}

// @ts-ignore: decorator
@inline
function high(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
}

/** Where a pass takes its vectors from and leaves them: eight rows. */
const ROWS = memory.data(128, 16)

// @ts-ignore: decorator
@inline
function scaled(sum: v128, shift: i32): v128 {
  return i32x4.shr_s(sum, shift)
}

/** One pass over ROWS. `shift`: bits that the result has too many. */
// @ts-ignore: decorator
@inline
function pass(shift: i32): void {
  const in1 = v128.load(ROWS, 16)
  const in3 = v128.load(ROWS, 48)
  const in5 = v128.load(ROWS, 80)
  const in7 = v128.load(ROWS, 112)
  // Odd part.
  const z3 = i16x8.add(in7, in3)
  const z4 = i16x8.add(in5, in1)
  const zLow = low(z3, z4)
  const zHigh = high(z3, z4)
  const z3Low = i32x4.dot_i16x8_s(zLow, pairs(Z3_3, Z34))
  const z3High = i32x4.dot_i16x8_s(zHigh, pairs(Z3_3, Z34))
  const z4Low = i32x4.dot_i16x8_s(zLow, pairs(Z34, Z4_4))
  const z4High = i32x4.dot_i16x8_s(zHigh, pairs(Z34, Z4_4))
  const low71 = low(in7, in1)
  const high71 = high(in7, in1)
  const low53 = low(in5, in3)
  const high53 = high(in5, in3)
  const t0Low = i32x4.add(z3Low, i32x4.dot_i16x8_s(low71, pairs(T0_7, T0_1)))
  const t0High = i32x4.add(z3High, i32x4.dot_i16x8_s(high71, pairs(T0_7, T0_1)))
  const t1Low = i32x4.add(z4Low, i32x4.dot_i16x8_s(low53, pairs(T1_5, T1_3)))
  const t1High = i32x4.add(z4High, i32x4.dot_i16x8_s(high53, pairs(T1_5, T1_3)))
  const t2Low = i32x4.add(z3Low, i32x4.dot_i16x8_s(low53, pairs(T1_3, T2_3)))
  const t2High = i32x4.add(z3High, i32x4.dot_i16x8_s(high53, pairs(T1_3, T2_3)))
  const t3Low = i32x4.add(z4Low, i32x4.dot_i16x8_s(low71, pairs(T0_1, T3_1)))
  const t3High = i32x4.add(z4High, i32x4.dot_i16x8_s(high71, pairs(T0_1, T3_1)))
  // Even part, with the half that rounds.
  const in2 = v128.load(ROWS, 32)
  const in6 = v128.load(ROWS, 96)
  const low26 = low(in2, in6)
  const high26 = high(in2, in6)
  const e3Low = i32x4.dot_i16x8_s(low26, pairs(A_2, A_6))
  const e3High = i32x4.dot_i16x8_s(high26, pairs(A_2, A_6))
  const e2Low = i32x4.dot_i16x8_s(low26, pairs(A_6, B_6))
  const e2High = i32x4.dot_i16x8_s(high26, pairs(A_6, B_6))
  const in0 = v128.load(ROWS)
  const in4 = v128.load(ROWS, 64)
  const sum = i16x8.add(in0, in4)
  const difference = i16x8.sub(in0, in4)
  const half = i32x4.splat(1 << (shift - 1))
  const sumLow = i32x4.add(i32x4.shl(i32x4.extend_low_i16x8_s(sum), 13), half)
  const sumHigh = i32x4.add(i32x4.shl(i32x4.extend_high_i16x8_s(sum), 13), half)
  const differenceLow = i32x4.add(i32x4.shl(i32x4.extend_low_i16x8_s(difference), 13), half)
  const differenceHigh = i32x4.add(i32x4.shl(i32x4.extend_high_i16x8_s(difference), 13), half)
  let l = i32x4.add(sumLow, e3Low)
  let h = i32x4.add(sumHigh, e3High)
  v128.store(ROWS, i16x8.narrow_i32x4_s(scaled(i32x4.add(l, t3Low), shift), scaled(i32x4.add(h, t3High), shift)))
  v128.store(ROWS, i16x8.narrow_i32x4_s(scaled(i32x4.sub(l, t3Low), shift), scaled(i32x4.sub(h, t3High), shift)), 112)
  l = i32x4.add(differenceLow, e2Low)
  h = i32x4.add(differenceHigh, e2High)
  v128.store(ROWS, i16x8.narrow_i32x4_s(scaled(i32x4.add(l, t2Low), shift), scaled(i32x4.add(h, t2High), shift)), 16)
  v128.store(ROWS, i16x8.narrow_i32x4_s(scaled(i32x4.sub(l, t2Low), shift), scaled(i32x4.sub(h, t2High), shift)), 96)
  l = i32x4.sub(differenceLow, e2Low)
  h = i32x4.sub(differenceHigh, e2High)
  v128.store(ROWS, i16x8.narrow_i32x4_s(scaled(i32x4.add(l, t1Low), shift), scaled(i32x4.add(h, t1High), shift)), 32)
  v128.store(ROWS, i16x8.narrow_i32x4_s(scaled(i32x4.sub(l, t1Low), shift), scaled(i32x4.sub(h, t1High), shift)), 80)
  l = i32x4.sub(sumLow, e3Low)
  h = i32x4.sub(sumHigh, e3High)
  v128.store(ROWS, i16x8.narrow_i32x4_s(scaled(i32x4.add(l, t0Low), shift), scaled(i32x4.add(h, t0High), shift)), 48)
  v128.store(ROWS, i16x8.narrow_i32x4_s(scaled(i32x4.sub(l, t0Low), shift), scaled(i32x4.sub(h, t0High), shift)), 64)
}

/** Turns rows into columns. */
// @ts-ignore: decorator
@inline
function turn(): void {
  const r0 = v128.load(ROWS)
  const r1 = v128.load(ROWS, 16)
  const r2 = v128.load(ROWS, 32)
  const r3 = v128.load(ROWS, 48)
  const r4 = v128.load(ROWS, 64)
  const r5 = v128.load(ROWS, 80)
  const r6 = v128.load(ROWS, 96)
  const r7 = v128.load(ROWS, 112)
  // Rows four apart, then two, then one: each zip moves one bit of the place from row to column.
  const a0 = low(r0, r4)
  const a1 = high(r0, r4)
  const a2 = low(r1, r5)
  const a3 = high(r1, r5)
  const a4 = low(r2, r6)
  const a5 = high(r2, r6)
  const a6 = low(r3, r7)
  const a7 = high(r3, r7)
  const b0 = low(a0, a4)
  const b1 = high(a0, a4)
  const b2 = low(a1, a5)
  const b3 = high(a1, a5)
  const b4 = low(a2, a6)
  const b5 = high(a2, a6)
  const b6 = low(a3, a7)
  const b7 = high(a3, a7)
  v128.store(ROWS, low(b0, b4))
  v128.store(ROWS, high(b0, b4), 16)
  v128.store(ROWS, low(b1, b5), 32)
  v128.store(ROWS, high(b1, b5), 48)
  v128.store(ROWS, low(b2, b6), 64)
  v128.store(ROWS, high(b2, b6), 80)
  v128.store(ROWS, low(b3, b7), 96)
  v128.store(ROWS, high(b3, b7), 112)
}

/** No coefficient of an 8-bit picture comes near it, rounding included. Decoders differ in what they make of larger ones. */
const LIMIT: i32 = 4096

/**
 * Writes the 8 × 8 samples of the block at `coefficients`, each within ±8191, to `to`, rows `stride` bytes apart. False, and nothing written,
 * when a coefficient is as large as none of a picture.
 */
export function transform(coefficients: usize, quantiser: usize, to: usize, stride: usize): bool {
  let beyond = i16x8.splat(0)
  for (let i: usize = 0; i < 128; i += 16) {
    const row = v128.load(coefficients + i)
    const factors = v128.load(quantiser + i)
    v128.store(ROWS + i, i16x8.mul(row, factors))
    // (4 · row · factor + 2¹⁴) >> 15 is 0 below LIMIT.
    beyond = v128.or(beyond, i16x8.q15mulr_sat_s(i16x8.shl(row, 2), factors))
  }
  if (v128.any_true(beyond)) return false
  pass(11)
  turn()
  pass(18)
  turn()
  const middle = i8x16.splat(-128)
  for (let i: usize = 0; i < 128; i += 32) {
    const rows = v128.xor(i8x16.narrow_i16x8_s(v128.load(ROWS + i), v128.load(ROWS + i, 16)), middle)
    v128.store64_lane(to, rows, 0)
    v128.store64_lane(to + stride, rows, 1)
    to += stride << 1
  }
  return true
}

/** The same for a block that has a mean only. */
export function flat(mean: i32, quantiser: usize, to: usize, stride: usize): bool {
  const coefficient = mean * <i32>load<i16>(quantiser)
  if (coefficient >= LIMIT || coefficient < -LIMIT) return false
  const value = (coefficient + 4) >> 3
  const samples = i64x2.extract_lane(i8x16.splat(<i8>max(0, min(255, value + 128))), 0)
  for (let y = 0; y < 8; y++, to += stride) store<i64>(to, samples)
  return true
}
