/** Gradient of batch normalisation over rows (N · H · W) by channel, with swish behind it or nothing. */
import { swishGradientOf } from './activations'
import { affine } from './batch-norm'
import { blockRows } from './moments'
import { multiplyAdd, storeLanes } from './vector'

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
