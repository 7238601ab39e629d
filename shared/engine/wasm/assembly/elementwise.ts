/**
 * Element by element: activations, the optimiser's step, and sums by segment. A task of those that take `task` is the
 * elements from task · block on, `block` of them, a multiple of 8.
 */
import { multiplyAdd, sigmoid4, storeLanes, swish4, swishSlope4 } from './vector'

/** Elements of a task. */
// @ts-ignore: decorator
@inline
function part(task: i32, block: i32, count: i32): i32 {
  return min(block, count - task * block)
}

/** Bytes before a task's first element. */
// @ts-ignore: decorator
@inline
function start(task: i32, block: i32): usize {
  return <usize>(task * block) << 2
}

/** y = σ(x). `y` may be `x`, here and below. */
export function sigmoid(task: i32, lane: i32, block: i32, x: usize, y: usize, all: i32): void {
  let count = part(task, block, all)
  let at = start(task, block)
  // Two vectors a turn: V8 builds the polynomial's constants anew each turn.
  for (; count >= 8; count -= 8, at += 32) {
    const low = sigmoid4(v128.load(x + at))
    const high = sigmoid4(v128.load(x + at, 16))
    v128.store(y + at, low)
    v128.store(y + at, high, 16)
  }
  for (; count > 0; count -= 4, at += 16) storeLanes(y + at, sigmoid4(v128.load(x + at)), count)
}

/** y = x σ(x). */
export function swish(task: i32, lane: i32, block: i32, x: usize, y: usize, count: i32): void {
  const at = start(task, block)
  swishOf(x + at, y + at, part(task, block, count))
}

export function swishOf(x: usize, y: usize, count: i32): void {
  let at: usize = 0
  for (; count >= 8; count -= 8, at += 32) {
    const low = swish4(v128.load(x + at))
    const high = swish4(v128.load(x + at, 16))
    v128.store(y + at, low)
    v128.store(y + at, high, 16)
  }
  for (; count > 0; count -= 4, at += 16) storeLanes(y + at, swish4(v128.load(x + at)), count)
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
): void {
  const at = start(task, block)
  swishGradientOf(x + at, dy + at, dx + at, part(task, block, count))
}

export function swishGradientOf(x: usize, dy: usize, dx: usize, count: i32): void {
  let at: usize = 0
  for (; count >= 8; count -= 8, at += 32) {
    const low = f32x4.mul(v128.load(dy + at), swishSlope4(v128.load(x + at)))
    const high = f32x4.mul(v128.load(dy + at, 16), swishSlope4(v128.load(x + at, 16)))
    v128.store(dx + at, low)
    v128.store(dx + at, high, 16)
  }
  for (; count > 0; count -= 4, at += 16) {
    storeLanes(dx + at, f32x4.mul(v128.load(dy + at), swishSlope4(v128.load(x + at))), count)
  }
}

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
