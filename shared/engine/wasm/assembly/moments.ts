/** Mean and variance over rows (N · H · W) by channel. */
import { multiplyAdd, storeLanes } from './vector'

/** Floats of a block of rows: 8 KiB, so that x, dy and dx of it stay in the first-level cache while they are read twice. */
const BLOCK_FLOATS: i32 = 2048

/** Rows of a block. */
// @ts-ignore: decorator
@inline
export function blockRows(channels: i32): i32 {
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
