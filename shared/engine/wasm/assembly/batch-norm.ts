/** Batch normalisation over rows (N · H · W) by channel, with swish behind it or nothing. */
import { swish, swishGradient } from './elementwise'
import { multiplyAdd, storeLanes } from './vector'

/** Floats of a block of rows: 32 KiB, which stays in the first-level cache while it is read twice. */
const BLOCK_FLOATS: i32 = 8192

/**
 * mean [C] and biased variance [C] of x [rows, C].
 *
 * Each block's mean is taken first and its squared deviations from it second, then blocks are merged (Chan, Golub and LeVeque,
 * 1979): no cancellation when the mean is large against the spread.
 */
export function moments(x: usize, mean: usize, variance: usize, rows: i32, channels: i32): void {
  memory.fill(mean, 0, (<usize>channels) << 2)
  memory.fill(variance, 0, (<usize>channels) << 2)
  const stride = (<usize>channels) << 2
  const block = max(4, BLOCK_FLOATS / channels)
  for (let r0: i32 = 0; r0 < rows; r0 += block) {
    const count = min(block, rows - r0)
    const share = f32x4.splat(<f32>count / <f32>(r0 + count))
    const cross = f32x4.splat((<f32>r0 * <f32>count) / <f32>(r0 + count))
    const over = f32x4.splat(1.0 / <f32>count)
    const start = x + ((<usize>(r0 * channels)) << 2)
    for (let c: i32 = 0; c < channels; c += 4) {
      const column = (<usize>c) << 2
      const even = start + column
      const end = even + <usize>count * stride
      const last = even + <usize>(count & ~1) * stride
      let s0 = f32x4.splat(0)
      let s1 = f32x4.splat(0)
      let at = even
      for (; at < last; at += 2 * stride) {
        s0 = f32x4.add(s0, v128.load(at))
        s1 = f32x4.add(s1, v128.load(at + stride))
      }
      if (at < end) s0 = f32x4.add(s0, v128.load(at))
      const centre = f32x4.mul(f32x4.add(s0, s1), over)
      s0 = f32x4.splat(0)
      s1 = f32x4.splat(0)
      at = even
      for (; at < last; at += 2 * stride) {
        const d0 = f32x4.sub(v128.load(at), centre)
        const d1 = f32x4.sub(v128.load(at + stride), centre)
        s0 = multiplyAdd(s0, d0, d0)
        s1 = multiplyAdd(s1, d1, d1)
      }
      if (at < end) {
        const d0 = f32x4.sub(v128.load(at), centre)
        s0 = multiplyAdd(s0, d0, d0)
      }
      const before = v128.load(mean + column)
      const step = f32x4.sub(centre, before)
      const spread = f32x4.add(f32x4.add(v128.load(variance + column), s0), s1)
      storeLanes(mean + column, multiplyAdd(before, step, share), channels - c)
      storeLanes(variance + column, multiplyAdd(spread, f32x4.mul(step, step), cross), channels - c)
    }
  }
  const over = f32x4.splat(1.0 / <f32>rows)
  for (let c: i32 = 0; c < channels; c += 4) {
    const column = (<usize>c) << 2
    storeLanes(variance + column, f32x4.mul(v128.load(variance + column), over), channels - c)
  }
}

/** inverse [C] = 1 / √(variance + ε). */
function inverseDeviations(variance: usize, inverse: usize, channels: i32, epsilon: f32): void {
  for (let c: i32 = 0; c < channels; c++) {
    const column = (<usize>c) << 2
    f32.store(inverse + column, 1 / sqrt<f32>(f32.load(variance + column) + epsilon))
  }
}

/** factor [C] = γ / √(variance + ε). */
function factors(gamma: usize, variance: usize, factor: usize, channels: i32, epsilon: f32): void {
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

/** y = act((x - mean) · γ / √(variance + ε) + β). `factor` is scratch of C floats. */
export function normalise(
  x: usize,
  gamma: usize,
  beta: usize,
  mean: usize,
  variance: usize,
  y: usize,
  factor: usize,
  rows: i32,
  channels: i32,
  epsilon: f32,
  withSwish: bool,
): void {
  factors(gamma, variance, factor, channels, epsilon)
  const block = max(4, BLOCK_FLOATS / channels)
  for (let r0: i32 = 0; r0 < rows; r0 += block) {
    const count = min(block, rows - r0)
    const start = <usize>(r0 * channels) << 2
    affine(x + start, mean, factor, beta, y + start, count, channels)
    if (withSwish) swish(y + start, y + start, count * channels)
  }
}

/**
 * First half of the gradient: with x̂ = (x - mean) / √(variance + ε) and dz the gradient before the activation,
 * dγ [C] = Σ dz x̂ and dβ [C] = Σ dz. With swish, dz is written to `dz`; without, dz is dy and nothing is
 * written. `scratch` is of 2 C floats.
 */
export function normaliseGradientSums(
  x: usize,
  dy: usize,
  gamma: usize,
  beta: usize,
  mean: usize,
  variance: usize,
  dz: usize,
  dGamma: usize,
  dBeta: usize,
  scratch: usize,
  rows: i32,
  channels: i32,
  epsilon: f32,
  withSwish: bool,
): void {
  const inverse = scratch
  const factor = scratch + (<usize>channels << 2)
  inverseDeviations(variance, inverse, channels, epsilon)
  factors(gamma, variance, factor, channels, epsilon)
  memory.fill(dGamma, 0, (<usize>channels) << 2)
  memory.fill(dBeta, 0, (<usize>channels) << 2)
  const stride = (<usize>channels) << 2
  const block = max(4, BLOCK_FLOATS / channels)
  for (let r0: i32 = 0; r0 < rows; r0 += block) {
    const count = min(block, rows - r0)
    const start = <usize>(r0 * channels) << 2
    let gradient = dy
    if (withSwish) {
      gradient = dz
      affine(x + start, mean, factor, beta, dz + start, count, channels)
      swishGradient(dz + start, dy + start, dz + start, count * channels)
    }
    for (let c: i32 = 0; c < channels; c += 4) {
      const column = <usize>c << 2
      const centre = v128.load(mean + column)
      const over = v128.load(inverse + column)
      let sum = f32x4.splat(0)
      let product = f32x4.splat(0)
      let at = start + column
      for (let r: i32 = 0; r < count; r++, at += stride) {
        const d = v128.load(gradient + at)
        sum = f32x4.add(sum, d)
        product = multiplyAdd(product, d, f32x4.mul(f32x4.sub(v128.load(x + at), centre), over))
      }
      storeLanes(dGamma + column, f32x4.add(v128.load(dGamma + column), product), channels - c)
      storeLanes(dBeta + column, f32x4.add(v128.load(dBeta + column), sum), channels - c)
    }
  }
}

/**
 * Second half: dx = γ / √(variance + ε) · (dz - dβ / rows - x̂ dγ / rows), where `dz` may be `dx` itself. With fixed statistics
 * (`throughStatistics` false) the two means are left out. `factors` is scratch of 3 C floats.
 */
export function normaliseGradient(
  x: usize,
  dz: usize,
  gamma: usize,
  mean: usize,
  variance: usize,
  dGamma: usize,
  dBeta: usize,
  dx: usize,
  factors: usize,
  rows: i32,
  channels: i32,
  epsilon: f32,
  throughStatistics: bool,
): void {
  const stride = (<usize>channels) << 2
  const slopes = factors + stride
  const shifts = slopes + stride
  inverseDeviations(variance, factors, channels, epsilon)
  for (let c: i32 = 0; c < channels; c++) {
    const column = (<usize>c) << 2
    const inverse = f32.load(factors + column)
    const factor = f32.load(gamma + column) * inverse
    f32.store(factors + column, factor)
    f32.store(
      slopes + column,
      throughStatistics ? (-factor * inverse * f32.load(dGamma + column)) / <f32>rows : 0,
    )
    f32.store(shifts + column, throughStatistics ? (-factor * f32.load(dBeta + column)) / <f32>rows : 0)
  }
  let row: usize = 0
  for (let r: i32 = 0; r < rows; r++, row += stride) {
    for (let c: i32 = 0; c < channels; c += 4) {
      const column = (<usize>c) << 2
      const centred = f32x4.sub(v128.load(x + row + column), v128.load(mean + column))
      let d = multiplyAdd(
        v128.load(shifts + column),
        v128.load(dz + row + column),
        v128.load(factors + column),
      )
      d = multiplyAdd(d, centred, v128.load(slopes + column))
      storeLanes(dx + row + column, d, channels - c)
    }
  }
}
