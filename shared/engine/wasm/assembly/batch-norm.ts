/** Batch normalisation over rows (N · H · W) by channel, with swish behind it or nothing. */
import { swishOf } from './activations'
import { blockRows } from './moments'
import { multiplyAdd, storeLanes } from './vector'

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
export function affine(x: usize, mean: usize, factor: usize, beta: usize, z: usize, rows: i32, channels: i32): void {
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
