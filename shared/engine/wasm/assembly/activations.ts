/**
 * The logistic function, swish and its derivative. A task is the elements from task · block on, `block` of them; `constants` is what
 * writeConstants wrote.
 */
import { multiplyAdd, storeLanes } from './vector'

const SIGMOID: i32 = 0
const SWISH: i32 = 1
const SWISH_SLOPE: i32 = 2

/** y = σ(x). `y` may be `x`, here and below. */
export function sigmoid(task: i32, lane: i32, block: i32, x: usize, y: usize, count: i32, constants: usize): void {
  const at = <usize>(task * block) << 2
  activate(SIGMOID, x + at, x + at, y + at, min(block, count - task * block), constants)
}

/** y = x σ(x). */
export function swish(task: i32, lane: i32, block: i32, x: usize, y: usize, count: i32, constants: usize): void {
  const at = <usize>(task * block) << 2
  swishOf(x + at, y + at, min(block, count - task * block), constants)
}

/** dx = dy · d(x σ(x))/dx. */
export function swishGradient(
  task: i32,
  lane: i32,
  block: i32,
  x: usize,
  dy: usize,
  dx: usize,
  count: i32,
  constants: usize,
): void {
  const at = <usize>(task * block) << 2
  swishGradientOf(x + at, dy + at, dx + at, min(block, count - task * block), constants)
}

export function swishOf(x: usize, y: usize, count: i32, constants: usize): void {
  activate(SWISH, x, x, y, count, constants)
}

export function swishGradientOf(x: usize, dy: usize, dx: usize, count: i32, constants: usize): void {
  activate(SWISH_SLOPE, x, dy, dx, count, constants)
}

/** Eight elements a turn. */
// @ts-ignore: decorator
@inline
function activate(kind: i32, x: usize, dy: usize, y: usize, count: i32, constants: usize): void {
  let at: usize = 0
  for (; count >= 8; count -= 8, at += 32) {
    const low = result(kind, v128.load(x + at), v128.load(dy + at), constants)
    const high = result(kind, v128.load(x + at, 16), v128.load(dy + at, 16), constants)
    v128.store(y + at, low)
    v128.store(y + at, high, 16)
  }
  for (; count > 0; count -= 4, at += 16) {
    storeLanes(y + at, result(kind, v128.load(x + at), v128.load(dy + at), constants), count)
  }
}

// @ts-ignore: decorator
@inline
function result(kind: i32, x: v128, dy: v128, constants: usize): v128 {
  const one = v128.load(constants, ONE)
  const whole = f32x4.add(one, exponential(f32x4.neg(x), constants))
  if (kind == SIGMOID) return f32x4.div(one, whole)
  if (kind == SWISH) return f32x4.div(x, whole)
  // σ (1 + x (1 - σ))
  const s = f32x4.div(one, whole)
  return f32x4.mul(dy, f32x4.mul(s, multiplyAdd(one, x, f32x4.sub(one, s))))
}

// Where each constant lies behind the address of all, four times over. V8 builds a constant of the code anew at each use, in
// several instructions; from memory it is one load.
const LEAST: usize = 0
const MOST: usize = 16
const MAGIC: usize = 32
const PER_LN2: usize = 48
const COARSE: usize = 64
const FINE: usize = 80
const P5: usize = 96
const P4: usize = 112
const P3: usize = 128
const P2: usize = 144
const P1: usize = 160
const P0: usize = 176
const ONE: usize = 192

/** Writes the constants of the exponential, 52 floats. */
export function writeConstants(to: usize): void {
  v128.store(to, f32x4.splat(-87.3), LEAST)
  v128.store(to, f32x4.splat(88), MOST)
  // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits.
  v128.store(to, f32x4.splat(12582912), MAGIC)
  v128.store(to, f32x4.splat(1.44269504), PER_LN2)
  // ln 2 in two parts: the first has few bits, so that n times it is exact.
  v128.store(to, f32x4.splat(-0.693359375), COARSE)
  v128.store(to, f32x4.splat(2.12194440e-4), FINE)
  v128.store(to, f32x4.splat(1.9875691500e-4), P5)
  v128.store(to, f32x4.splat(1.3981999507e-3), P4)
  v128.store(to, f32x4.splat(8.3334519073e-3), P3)
  v128.store(to, f32x4.splat(4.1665795894e-2), P2)
  v128.store(to, f32x4.splat(1.6666665459e-1), P1)
  v128.store(to, f32x4.splat(5.0000001201e-1), P0)
  v128.store(to, f32x4.splat(1), ONE)
}

/**
 * e^x, relative error below 2e-7 on [-87.3, 88], x clamped to that range (NaN stays NaN).
 *
 * x = n ln 2 + r with |r| <= ln 2 / 2; e^r by the polynomial of Cephes' expf (S. Moshier, https://www.netlib.org/cephes/).
 */
// @ts-ignore: decorator
@inline
export function exponential(x: v128, k: usize): v128 {
  // pmin and pmax are one instruction each; min and max order zeros and NaN and are many.
  const bounded = f32x4.pmin(f32x4.pmax(x, v128.load(k, LEAST)), v128.load(k, MOST))
  const shifted = multiplyAdd(v128.load(k, MAGIC), bounded, v128.load(k, PER_LN2))
  const n = f32x4.sub(shifted, v128.load(k, MAGIC))
  const r = multiplyAdd(multiplyAdd(bounded, n, v128.load(k, COARSE)), n, v128.load(k, FINE))
  let p = multiplyAdd(v128.load(k, P4), r, v128.load(k, P5))
  p = multiplyAdd(v128.load(k, P3), p, r)
  p = multiplyAdd(v128.load(k, P2), p, r)
  p = multiplyAdd(v128.load(k, P1), p, r)
  p = multiplyAdd(v128.load(k, P0), p, r)
  p = multiplyAdd(f32x4.add(r, v128.load(k, ONE)), p, f32x4.mul(r, r))
  // The bits of 1.0 are its exponent's zero.
  return f32x4.mul(p, i32x4.add(i32x4.shl(shifted, 23), v128.load(k, ONE)))
}
