/**
 * Sums and factors by channel: what squeeze-and-excitation, pooling and bias gradients do. A task is `images` whole images, so
 * that every sum is one task's.
 */
import { multiplyAdd, storeLanes } from './vector'

/** sums [C] = factor · Σ over the rows of x [rows, C]; task t does `group` channels, a multiple of 16. */
export function columnSums(
  task: i32,
  lane: i32,
  group: i32,
  x: usize,
  sums: usize,
  rows: i32,
  channels: i32,
  factor: f32,
): void {
  sumsOf(x, sums, rows, channels, task * group, min(channels, (task + 1) * group), factor)
}

/** Floats of the rows walked at a time: they stay in the first-level cache for all channels. */
const BLOCK_FLOATS: i32 = 2048

function sumsOf(x: usize, sums: usize, rows: i32, channels: i32, first: i32, end: i32, factor: f32): void {
  const stride = <usize>channels << 2
  const block = max(4, BLOCK_FLOATS / (end - first))
  memory.fill(sums + (<usize>first << 2), 0, <usize>(end - first) << 2)
  for (let r: i32 = 0; r < rows; r += block) {
    addRows(x + <usize>r * stride, sums, min(block, rows - r), stride, first, end)
  }
  const by = f32x4.splat(factor)
  for (let c = first; c < end; c += 4) {
    const to = sums + (<usize>c << 2)
    storeLanes(to, f32x4.mul(v128.load(to), by), end - c)
  }
}

/** Sixteen channels at a time: a whole cache line of each row. */
function addRows(x: usize, sums: usize, rows: i32, stride: usize, first: i32, end: i32): void {
  let c = first
  for (; c + 16 <= end; c += 16) {
    const to = sums + (<usize>c << 2)
    let s0 = v128.load(to)
    let s1 = v128.load(to, 16)
    let s2 = v128.load(to, 32)
    let s3 = v128.load(to, 48)
    let at = x + (<usize>c << 2)
    for (let r: i32 = 0; r < rows; r++, at += stride) {
      s0 = f32x4.add(s0, v128.load(at))
      s1 = f32x4.add(s1, v128.load(at, 16))
      s2 = f32x4.add(s2, v128.load(at, 32))
      s3 = f32x4.add(s3, v128.load(at, 48))
    }
    v128.store(to, s0)
    v128.store(to, s1, 16)
    v128.store(to, s2, 32)
    v128.store(to, s3, 48)
  }
  for (; c < end; c += 4) {
    const to = sums + (<usize>c << 2)
    let sum = v128.load(to)
    let at = x + (<usize>c << 2)
    for (let r: i32 = 0; r < rows; r++, at += stride) sum = f32x4.add(sum, v128.load(at))
    storeLanes(to, sum, end - c)
  }
}

/** y [batch, C] = the mean over the pixels of x [batch, pixels, C]. */
export function averagePool(
  task: i32,
  lane: i32,
  images: i32,
  x: usize,
  y: usize,
  batch: i32,
  pixels: i32,
  channels: i32,
): void {
  const end = min(batch, (task + 1) * images)
  for (let b = task * images; b < end; b++) {
    const image = x + (<usize>(b * pixels * channels) << 2)
    sumsOf(image, y + (<usize>(b * channels) << 2), pixels, channels, 0, channels, 1.0 / <f32>pixels)
  }
}

/** dx [batch, pixels, C] = dy [batch, C] / pixels at every pixel. */
export function averageGradient(
  task: i32,
  lane: i32,
  images: i32,
  dy: usize,
  dx: usize,
  batch: i32,
  pixels: i32,
  channels: i32,
): void {
  const by = f32x4.splat(1.0 / <f32>pixels)
  const end = min(batch, (task + 1) * images)
  let to = dx + (<usize>(task * images * pixels * channels) << 2)
  for (let b = task * images; b < end; b++) {
    const from = dy + ((<usize>(b * channels)) << 2)
    for (let p: i32 = 0; p < pixels; p++, to += (<usize>channels) << 2) {
      for (let c: i32 = 0; c < channels; c += 4) {
        const at = (<usize>c) << 2
        storeLanes(to + at, f32x4.mul(v128.load(from + at), by), channels - c)
      }
    }
  }
}

/** y [batch, pixels, C] = x · s, with s [batch, C]. */
export function scale(
  task: i32,
  lane: i32,
  images: i32,
  x: usize,
  s: usize,
  y: usize,
  batch: i32,
  pixels: i32,
  channels: i32,
): void {
  const end = min(batch, (task + 1) * images)
  let row = <usize>(task * images * pixels * channels) << 2
  for (let b = task * images; b < end; b++) {
    const by = s + ((<usize>(b * channels)) << 2)
    for (let p: i32 = 0; p < pixels; p++, row += (<usize>channels) << 2) {
      for (let c: i32 = 0; c < channels; c += 4) {
        const at = (<usize>c) << 2
        storeLanes(y + row + at, f32x4.mul(v128.load(x + row + at), v128.load(by + at)), channels - c)
      }
    }
  }
}

/** Gradient of `scale`: dx = dy · s, and ds [batch, C] = Σ over the pixels of dy · x. */
export function scaleGradient(
  task: i32,
  lane: i32,
  images: i32,
  x: usize,
  s: usize,
  dy: usize,
  dx: usize,
  ds: usize,
  batch: i32,
  pixels: i32,
  channels: i32,
): void {
  const end = min(batch, (task + 1) * images)
  const block = max(4, BLOCK_FLOATS / channels)
  for (let b = task * images; b < end; b++) {
    const factors = <usize>(b * channels) << 2
    memory.fill(ds + factors, 0, <usize>channels << 2)
    for (let p: i32 = 0; p < pixels; p += block) {
      const at = <usize>((b * pixels + p) * channels) << 2
      scalePixels(x + at, s + factors, dy + at, dx + at, ds + factors, min(block, pixels - p), channels)
    }
  }
}

function scalePixels(x: usize, s: usize, dy: usize, dx: usize, ds: usize, pixels: i32, channels: i32): void {
  const stride = <usize>channels << 2
  let c: i32 = 0
  for (; c + 8 <= channels; c += 8) {
    let at = <usize>c << 2
    const to = ds + at
    const by0 = v128.load(s + at)
    const by1 = v128.load(s + at, 16)
    let sum0 = v128.load(to)
    let sum1 = v128.load(to, 16)
    for (let p: i32 = 0; p < pixels; p++, at += stride) {
      const g0 = v128.load(dy + at)
      const g1 = v128.load(dy + at, 16)
      v128.store(dx + at, f32x4.mul(g0, by0))
      v128.store(dx + at, f32x4.mul(g1, by1), 16)
      sum0 = multiplyAdd(sum0, g0, v128.load(x + at))
      sum1 = multiplyAdd(sum1, g1, v128.load(x + at, 16))
    }
    v128.store(to, sum0)
    v128.store(to, sum1, 16)
  }
  for (; c < channels; c += 4) {
    let at = <usize>c << 2
    const to = ds + at
    const by = v128.load(s + at)
    let sum = v128.load(to)
    for (let p: i32 = 0; p < pixels; p++, at += stride) {
      const g = v128.load(dy + at)
      storeLanes(dx + at, f32x4.mul(g, by), channels - c)
      sum = multiplyAdd(sum, g, v128.load(x + at))
    }
    storeLanes(to, sum, channels - c)
  }
}
