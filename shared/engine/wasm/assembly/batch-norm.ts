/** Batch normalisation over rows (N · H · W) by channel, with swish behind it or nothing. */
import { swishGradientOf, swishOf } from './activations'
import { multiplyAdd, storeLanes } from './vector'

/** Floats of a block of rows: 8 KiB, so that x, dy and dx of it stay in the first-level cache while they are read twice. */
const BLOCK_FLOATS: i32 = 2048

/** Rows of a block. */
// @ts-ignore: decorator
@inline
function blockRows(channels: i32): i32 {
  return max(4, BLOCK_FLOATS / channels)
}

/**
 * For each part of `part` rows of x [rows, C], a task: its mean [C] and its sum of squared deviations from it [C], written one
 * behind the other to `parts` + 8 C task.
 *
 * Each block's mean is taken first and its squared deviations from it second, then blocks are merged (Chan, Golub and LeVeque,
 * 1979): no cancellation when the mean is large against the spread.
 */
export function partMoments(
  task: i32,
  lane: i32,
  part: i32,
  x: usize,
  parts: usize,
  rows: i32,
  channels: i32,
): void {
  const stride = <usize>channels << 2
  const mean = parts + 2 * <usize>task * stride
  const squares = mean + stride
  memory.fill(mean, 0, 2 * stride)
  const block = blockRows(channels)
  const first = task * part
  const end = min(rows, first + part)
  for (let r0 = first; r0 < end; r0 += block) {
    const count = min(block, end - r0)
    const seen = r0 - first
    const start = x + <usize>r0 * stride
    let c: i32 = 0
    for (; c + 16 <= channels; c += 16) {
      const column = <usize>c << 2
      mergeLine(start + column, mean + column, squares + column, seen, count, stride)
    }
    for (; c < channels; c += 4) {
      const column = <usize>c << 2
      mergeLanes(start + column, mean + column, squares + column, seen, count, stride, channels - c)
    }
  }
}

/** Adds the next `count` rows of sixteen channels, a cache line, to the moments of the `seen` rows before them. */
function mergeLine(from: usize, mean: usize, squares: usize, seen: i32, count: i32, stride: usize): void {
  const end = from + <usize>count * stride
  let s0 = f32x4.splat(0)
  let s1 = f32x4.splat(0)
  let s2 = f32x4.splat(0)
  let s3 = f32x4.splat(0)
  for (let at = from; at < end; at += stride) {
    s0 = f32x4.add(s0, v128.load(at))
    s1 = f32x4.add(s1, v128.load(at, 16))
    s2 = f32x4.add(s2, v128.load(at, 32))
    s3 = f32x4.add(s3, v128.load(at, 48))
  }
  const over = f32x4.splat(1.0 / <f32>count)
  const m0 = f32x4.mul(s0, over)
  const m1 = f32x4.mul(s1, over)
  const m2 = f32x4.mul(s2, over)
  const m3 = f32x4.mul(s3, over)
  s0 = f32x4.splat(0)
  s1 = f32x4.splat(0)
  s2 = f32x4.splat(0)
  s3 = f32x4.splat(0)
  for (let at = from; at < end; at += stride) {
    s0 = addSquare(s0, v128.load(at), m0)
    s1 = addSquare(s1, v128.load(at, 16), m1)
    s2 = addSquare(s2, v128.load(at, 32), m2)
    s3 = addSquare(s3, v128.load(at, 48), m3)
  }
  mergeMoments(mean, squares, m0, s0, seen, count, 4)
  mergeMoments(mean + 16, squares + 16, m1, s1, seen, count, 4)
  mergeMoments(mean + 32, squares + 32, m2, s2, seen, count, 4)
  mergeMoments(mean + 48, squares + 48, m3, s3, seen, count, 4)
}

/** As mergeLine with four channels or fewer. */
function mergeLanes(from: usize, mean: usize, squares: usize, seen: i32, count: i32, stride: usize, lanes: i32): void {
  const end = from + <usize>count * stride
  let sum = f32x4.splat(0)
  for (let at = from; at < end; at += stride) sum = f32x4.add(sum, v128.load(at))
  const centre = f32x4.mul(sum, f32x4.splat(1.0 / <f32>count))
  sum = f32x4.splat(0)
  for (let at = from; at < end; at += stride) sum = addSquare(sum, v128.load(at), centre)
  mergeMoments(mean, squares, centre, sum, seen, count, lanes)
}

/** sum + (x - centre)². */
// @ts-ignore: decorator
@inline
function addSquare(sum: v128, x: v128, centre: v128): v128 {
  const d = f32x4.sub(x, centre)
  return multiplyAdd(sum, d, d)
}

/** Merges the moments of `count` rows into those of the `seen` rows before them. */
// @ts-ignore: decorator
@inline
function mergeMoments(
  mean: usize,
  squares: usize,
  otherMean: v128,
  otherSquares: v128,
  seen: i32,
  count: i32,
  lanes: i32,
): void {
  const share = f32x4.splat(<f32>count / <f32>(seen + count))
  const cross = f32x4.splat((<f32>seen * <f32>count) / <f32>(seen + count))
  const before = v128.load(mean)
  const step = f32x4.sub(otherMean, before)
  const spread = f32x4.add(v128.load(squares), otherSquares)
  storeLanes(mean, multiplyAdd(before, step, share), lanes)
  storeLanes(squares, multiplyAdd(spread, f32x4.mul(step, step), cross), lanes)
}

/** mean [C] and biased variance [C] of all rows, from the moments of their parts, merged in order. */
export function mergeParts(
  parts: usize,
  mean: usize,
  variance: usize,
  part: i32,
  rows: i32,
  channels: i32,
): void {
  const stride = <usize>channels << 2
  memory.fill(mean, 0, stride)
  memory.fill(variance, 0, stride)
  let from = parts
  for (let seen: i32 = 0; seen < rows; seen += part, from += 2 * stride) {
    const count = min(part, rows - seen)
    for (let c: i32 = 0; c < channels; c += 4) {
      const column = <usize>c << 2
      const otherMean = v128.load(from + column)
      const otherSquares = v128.load(from + stride + column)
      mergeMoments(mean + column, variance + column, otherMean, otherSquares, seen, count, channels - c)
    }
  }
  const over = f32x4.splat(1.0 / <f32>rows)
  for (let c: i32 = 0; c < channels; c += 4) {
    const column = <usize>c << 2
    storeLanes(variance + column, f32x4.mul(v128.load(variance + column), over), channels - c)
  }
}

/** inverse [C] = 1 / √(variance + ε). */
export function inverseDeviations(variance: usize, inverse: usize, channels: i32, epsilon: f32): void {
  for (let c: i32 = 0; c < channels; c++) {
    const column = (<usize>c) << 2
    f32.store(inverse + column, 1 / sqrt<f32>(f32.load(variance + column) + epsilon))
  }
}

/** factor [C] = γ / √(variance + ε). */
export function factors(gamma: usize, variance: usize, factor: usize, channels: i32, epsilon: f32): void {
  inverseDeviations(variance, factor, channels, epsilon)
  for (let c: i32 = 0; c < channels; c++) {
    const column = <usize>c << 2
    f32.store(factor + column, f32.load(factor + column) * f32.load(gamma + column))
  }
}

/** z = (x - mean) · factor + β. */
function affine(x: usize, mean: usize, factor: usize, beta: usize, z: usize, rows: i32, channels: i32): void {
  let row: usize = 0
  for (let r: i32 = 0; r < rows; r++, row += <usize>channels << 2) {
    for (let c: i32 = 0; c < channels; c += 4) {
      const column = <usize>c << 2
      const centred = f32x4.sub(v128.load(x + row + column), v128.load(mean + column))
      const value = multiplyAdd(v128.load(beta + column), centred, v128.load(factor + column))
      storeLanes(z + row + column, value, channels - c)
    }
  }
}

/** y = act((x - mean) · factor + β), `factor` [C] of `factors`. Task t does `part` rows. */
export function normalise(
  task: i32,
  lane: i32,
  part: i32,
  x: usize,
  beta: usize,
  mean: usize,
  factor: usize,
  y: usize,
  rows: i32,
  channels: i32,
  constants: usize,
  withSwish: bool,
): void {
  const block = blockRows(channels)
  const end = min(rows, (task + 1) * part)
  for (let r0 = task * part; r0 < end; r0 += block) {
    const count = min(block, end - r0)
    const start = <usize>(r0 * channels) << 2
    affine(x + start, mean, factor, beta, y + start, count, channels)
    if (withSwish) swishOf(y + start, y + start, count * channels, constants)
  }
}

/**
 * First half of the gradient: with x̂ = (x - mean) / √(variance + ε) and dz the gradient before the activation, Σ dz x̂ [C] and
 * Σ dz [C] over the `part` rows of each task, written one behind the other to `sums` + 8 C task. With swish, dz is written to
 * `dz`; without, dz is dy and nothing is written. `inverse` and `factor` [C] of the functions above.
 */
export function normaliseGradientSums(
  task: i32,
  lane: i32,
  part: i32,
  x: usize,
  dy: usize,
  beta: usize,
  mean: usize,
  inverse: usize,
  factor: usize,
  dz: usize,
  sums: usize,
  rows: i32,
  channels: i32,
  constants: usize,
  withSwish: bool,
): void {
  const stride = <usize>channels << 2
  const products = sums + 2 * <usize>task * stride
  memory.fill(products, 0, 2 * stride)
  const block = blockRows(channels)
  const end = min(rows, (task + 1) * part)
  for (let r0 = task * part; r0 < end; r0 += block) {
    const count = min(block, end - r0)
    const start = <usize>r0 * stride
    let gradient = dy
    if (withSwish) {
      gradient = dz
      affine(x + start, mean, factor, beta, dz + start, count, channels)
      swishGradientOf(dz + start, dy + start, dz + start, count * channels, constants)
    }
    let c: i32 = 0
    for (; c + 8 <= channels; c += 8) {
      const column = <usize>c << 2
      const at = start + column
      sumLine(gradient + at, x + at, mean + column, inverse + column, products + column, stride, count)
    }
    for (; c < channels; c += 4) {
      const column = <usize>c << 2
      const at = start + column
      sumLanes(gradient + at, x + at, mean + column, inverse + column, products + column, stride, count, channels - c)
    }
  }
}

/** Adds Σ dz x̂ and Σ dz of `count` rows of eight channels to `to` and to `to` + `stride`. */
function sumLine(dz: usize, x: usize, mean: usize, inverse: usize, to: usize, stride: usize, count: i32): void {
  const centre0 = v128.load(mean)
  const centre1 = v128.load(mean, 16)
  const over0 = v128.load(inverse)
  const over1 = v128.load(inverse, 16)
  let product0 = v128.load(to)
  let product1 = v128.load(to, 16)
  let sum0 = v128.load(to + stride)
  let sum1 = v128.load(to + stride, 16)
  for (let r: i32 = 0; r < count; r++, dz += stride, x += stride) {
    const d0 = v128.load(dz)
    const d1 = v128.load(dz, 16)
    sum0 = f32x4.add(sum0, d0)
    sum1 = f32x4.add(sum1, d1)
    product0 = multiplyAdd(product0, d0, f32x4.mul(f32x4.sub(v128.load(x), centre0), over0))
    product1 = multiplyAdd(product1, d1, f32x4.mul(f32x4.sub(v128.load(x, 16), centre1), over1))
  }
  v128.store(to, product0)
  v128.store(to, product1, 16)
  v128.store(to + stride, sum0)
  v128.store(to + stride, sum1, 16)
}

/** As sumLine with four channels or fewer. */
function sumLanes(
  dz: usize,
  x: usize,
  mean: usize,
  inverse: usize,
  to: usize,
  stride: usize,
  count: i32,
  lanes: i32,
): void {
  const centre = v128.load(mean)
  const over = v128.load(inverse)
  let product = v128.load(to)
  let sum = v128.load(to + stride)
  for (let r: i32 = 0; r < count; r++, dz += stride, x += stride) {
    const d = v128.load(dz)
    sum = f32x4.add(sum, d)
    product = multiplyAdd(product, d, f32x4.mul(f32x4.sub(v128.load(x), centre), over))
  }
  storeLanes(to, product, lanes)
  storeLanes(to + stride, sum, lanes)
}

/**
 * Slopes and shifts of the second half: slope [C] = -γ inverse² dγ / rows, shift [C] = -γ inverse dβ / rows; zeros with fixed
 * statistics (`throughStatistics` false), which take the two means out.
 */
export function gradientTerms(
  factor: usize,
  inverse: usize,
  dGamma: usize,
  dBeta: usize,
  slopes: usize,
  shifts: usize,
  rows: i32,
  channels: i32,
  throughStatistics: bool,
): void {
  for (let c: i32 = 0; c < channels; c++) {
    const column = <usize>c << 2
    const by = -f32.load(factor + column)
    const slope = (by * f32.load(inverse + column) * f32.load(dGamma + column)) / <f32>rows
    f32.store(slopes + column, throughStatistics ? slope : 0)
    f32.store(shifts + column, throughStatistics ? (by * f32.load(dBeta + column)) / <f32>rows : 0)
  }
}

/**
 * Second half: dx = γ / √(variance + ε) · (dz - dβ / rows - x̂ dγ / rows) = factor dz + slope (x - mean) + shift, where `dz` may
 * be `dx` itself. Task t does `part` rows.
 */
export function normaliseGradient(
  task: i32,
  lane: i32,
  part: i32,
  x: usize,
  dz: usize,
  mean: usize,
  factor: usize,
  slopes: usize,
  shifts: usize,
  dx: usize,
  rows: i32,
  channels: i32,
): void {
  const stride = <usize>channels << 2
  const first = task * part
  const end = min(rows, first + part)
  let row = <usize>first * stride
  for (let r = first; r < end; r++, row += stride) {
    for (let c: i32 = 0; c < channels; c += 4) {
      const column = <usize>c << 2
      const centred = f32x4.sub(v128.load(x + row + column), v128.load(mean + column))
      const scaled = f32x4.mul(v128.load(dz + row + column), v128.load(factor + column))
      let d = f32x4.add(v128.load(shifts + column), scaled)
      d = multiplyAdd(d, centred, v128.load(slopes + column))
      storeLanes(dx + row + column, d, channels - c)
    }
  }
}
