/**
 * Element by element: the optimiser's step, and sums by segment. A task of those that take `task` is the
 * elements from task · block on, `block` of them, a multiple of 8.
 */
import { multiplyAdd, storeLanes } from './vector'

/** velocity' = momentum · velocity + gradient + decay · weight; weight' = weight - rate · velocity'. */
export function sgdMomentum(
  task: i32,
  lane: i32,
  block: i32,
  weight: usize,
  gradient: usize,
  velocity: usize,
  newWeight: usize,
  newVelocity: usize,
  count: i32,
  rate: f32,
  momentum: f32,
  decay: f32,
): void {
  const rates = f32x4.splat(rate)
  const momenta = f32x4.splat(momentum)
  const decays = f32x4.splat(decay)
  const end = min(count, (task + 1) * block)
  for (let i = task * block; i < end; i += 4) {
    const at = (<usize>i) << 2
    const w = v128.load(weight + at)
    const v = multiplyAdd(multiplyAdd(v128.load(gradient + at), w, decays), v128.load(velocity + at), momenta)
    storeLanes(newVelocity + at, v, end - i)
    storeLanes(newWeight + at, f32x4.sub(w, f32x4.mul(v, rates)), end - i)
  }
}

/** y = a + b. */
export function add(task: i32, lane: i32, block: i32, a: usize, b: usize, y: usize, count: i32): void {
  const end = min(count, (task + 1) * block)
  for (let i = task * block; i < end; i += 4) {
    const at = <usize>i << 2
    storeLanes(y + at, f32x4.add(v128.load(a + at), v128.load(b + at)), end - i)
  }
}

/** y = keep · a + (1 - keep) · b. */
export function towards(
  task: i32,
  lane: i32,
  block: i32,
  a: usize,
  b: usize,
  y: usize,
  count: i32,
  keep: f32,
): void {
  const keeps = f32x4.splat(keep)
  const moves = f32x4.splat(1 - keep)
  const end = min(count, (task + 1) * block)
  for (let i = task * block; i < end; i += 4) {
    const at = (<usize>i) << 2
    storeLanes(y + at, multiplyAdd(f32x4.mul(v128.load(b + at), moves), v128.load(a + at), keeps), end - i)
  }
}

/** y [count] = the sum of `parts` rows of x, `stride` floats apart, in their order; `add` adds it to what is there. */
export function sumParts(
  task: i32,
  lane: i32,
  block: i32,
  x: usize,
  y: usize,
  parts: i32,
  stride: i32,
  count: i32,
  add: bool,
): void {
  const end = min(count, (task + 1) * block)
  for (let i = task * block; i < end; i += 4) {
    const at = <usize>i << 2
    let sum = add ? v128.load(y + at) : f32x4.splat(0)
    let from = x + at
    for (let p: i32 = 0; p < parts; p++, from += <usize>stride << 2) sum = f32x4.add(sum, v128.load(from))
    storeLanes(y + at, sum, end - i)
  }
}

/** sums [segments, width] += the rows of x [rows, width], each to the segment its id names; ids outside are left out. */
export function segmentSum(x: usize, ids: usize, sums: usize, rows: i32, width: i32, segments: i32): void {
  for (let r: i32 = 0; r < rows; r++) {
    const id = i32.load(ids + ((<usize>r) << 2))
    if (id < 0 || id >= segments) continue
    const from = x + ((<usize>(r * width)) << 2)
    const to = sums + ((<usize>(id * width)) << 2)
    for (let i: i32 = 0; i < width; i += 4) {
      const at = (<usize>i) << 2
      storeLanes(to + at, f32x4.add(v128.load(to + at), v128.load(from + at)), width - i)
    }
  }
}
