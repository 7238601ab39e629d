/** Sums and factors by channel: what squeeze-and-excitation, pooling and bias gradients do. */
import { multiplyAdd, storeLanes } from './vector'

/** sums [C] = factor · Σ over the rows of x [rows, C]. Sixteen channels at a time: a whole cache line of each row. */
export function columnSums(x: usize, sums: usize, rows: i32, channels: i32, factor: f32): void {
  const stride = (<usize>channels) << 2
  const by = f32x4.splat(factor)
  let c: i32 = 0
  for (; c + 16 <= channels; c += 16) {
    let s0 = f32x4.splat(0)
    let s1 = f32x4.splat(0)
    let s2 = f32x4.splat(0)
    let s3 = f32x4.splat(0)
    let at = x + ((<usize>c) << 2)
    for (let r: i32 = 0; r < rows; r++, at += stride) {
      s0 = f32x4.add(s0, v128.load(at))
      s1 = f32x4.add(s1, v128.load(at, 16))
      s2 = f32x4.add(s2, v128.load(at, 32))
      s3 = f32x4.add(s3, v128.load(at, 48))
    }
    const to = sums + ((<usize>c) << 2)
    v128.store(to, f32x4.mul(s0, by))
    v128.store(to, f32x4.mul(s1, by), 16)
    v128.store(to, f32x4.mul(s2, by), 32)
    v128.store(to, f32x4.mul(s3, by), 48)
  }
  for (; c < channels; c += 4) {
    let s0 = f32x4.splat(0)
    let at = x + ((<usize>c) << 2)
    for (let r: i32 = 0; r < rows; r++, at += stride) s0 = f32x4.add(s0, v128.load(at))
    storeLanes(sums + ((<usize>c) << 2), f32x4.mul(s0, by), channels - c)
  }
}

/** y [batch, C] = the mean over the pixels of x [batch, pixels, C]. */
export function averagePool(x: usize, y: usize, batch: i32, pixels: i32, channels: i32): void {
  for (let b: i32 = 0; b < batch; b++) {
    columnSums(
      x + ((<usize>(b * pixels * channels)) << 2),
      y + ((<usize>(b * channels)) << 2),
      pixels,
      channels,
      1.0 / <f32>pixels,
    )
  }
}

/** dx [batch, pixels, C] = dy [batch, C] / pixels at every pixel. */
export function averageGradient(dy: usize, dx: usize, batch: i32, pixels: i32, channels: i32): void {
  const by = f32x4.splat(1.0 / <f32>pixels)
  let to = dx
  for (let b: i32 = 0; b < batch; b++) {
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
export function scale(x: usize, s: usize, y: usize, batch: i32, pixels: i32, channels: i32): void {
  let row: usize = 0
  for (let b: i32 = 0; b < batch; b++) {
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
  x: usize,
  s: usize,
  dy: usize,
  dx: usize,
  ds: usize,
  batch: i32,
  pixels: i32,
  channels: i32,
): void {
  const stride = (<usize>channels) << 2
  for (let b: i32 = 0; b < batch; b++) {
    const image = (<usize>(b * pixels * channels)) << 2
    const factors = (<usize>(b * channels)) << 2
    let c: i32 = 0
    for (; c + 8 <= channels; c += 8) {
      const column = (<usize>c) << 2
      const by0 = v128.load(s + factors + column)
      const by1 = v128.load(s + factors + column, 16)
      let sum0 = f32x4.splat(0)
      let sum1 = f32x4.splat(0)
      let at = image + column
      for (let p: i32 = 0; p < pixels; p++, at += stride) {
        const g0 = v128.load(dy + at)
        const g1 = v128.load(dy + at, 16)
        v128.store(dx + at, f32x4.mul(g0, by0))
        v128.store(dx + at, f32x4.mul(g1, by1), 16)
        sum0 = multiplyAdd(sum0, g0, v128.load(x + at))
        sum1 = multiplyAdd(sum1, g1, v128.load(x + at, 16))
      }
      v128.store(ds + factors + column, sum0)
      v128.store(ds + factors + column, sum1, 16)
    }
    for (; c < channels; c += 4) {
      const column = (<usize>c) << 2
      const by = v128.load(s + factors + column)
      let sum = f32x4.splat(0)
      let at = image + column
      for (let p: i32 = 0; p < pixels; p++, at += stride) {
        const g = v128.load(dy + at)
        storeLanes(dx + at, f32x4.mul(g, by), channels - c)
        sum = multiplyAdd(sum, g, v128.load(x + at))
      }
      storeLanes(ds + factors + column, sum, channels - c)
    }
  }
}
