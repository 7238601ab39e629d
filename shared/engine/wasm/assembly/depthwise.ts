/**
 * Depthwise convolution [B, H, W, C] with [kh, kw, C] and its two gradients. Four channels at a time; for each row of taps the
 * weights stay in registers while the row of pixels runs.
 */
import { multiplyAdd, storeLanes } from './vector'

/** First output column whose whole window of `kw` taps lies inside the image. */
// @ts-ignore: decorator
@inline
function firstInside(padLeft: i32, stride: i32): i32 {
  return (padLeft + stride - 1) / stride
}

/** One past the last output column whose whole window lies inside. */
// @ts-ignore: decorator
@inline
function endInside(width: i32, kw: i32, padLeft: i32, stride: i32, outWidth: i32): i32 {
  const room = width - kw + padLeft
  return room < 0 ? 0 : min(outWidth, room / stride + 1)
}

export function depthwise(
  x: usize,
  filter: usize,
  y: usize,
  batch: i32,
  height: i32,
  width: i32,
  channels: i32,
  kh: i32,
  kw: i32,
  strideY: i32,
  strideX: i32,
  padTop: i32,
  padLeft: i32,
  outHeight: i32,
  outWidth: i32,
): void {
  const pixel = <usize>channels << 2
  const low = min(firstInside(padLeft, strideX), outWidth)
  const high = max(low, endInside(width, kw, padLeft, strideX, outWidth))
  memory.fill(y, 0, <usize>(batch * outHeight * outWidth) * pixel)
  for (let b: i32 = 0; b < batch; b++) {
    for (let oy: i32 = 0; oy < outHeight; oy++) {
      const yRow = y + <usize>((b * outHeight + oy) * outWidth) * pixel
      for (let c: i32 = 0; c < channels; c += 4) {
        const column = <usize>c << 2
        const lanes = channels - c
        for (let ky: i32 = 0; ky < kh; ky++) {
          const iy = oy * strideY + ky - padTop
          if (iy < 0 || iy >= height) continue
          const xRow = x + <usize>((b * height + iy) * width) * pixel + column
          const taps = filter + <usize>(ky * kw) * pixel + column
          const to = yRow + column
          edge(xRow, taps, to, 0, low, width, pixel, kw, strideX, padLeft, lanes)
          const from = xRow + <usize>(low * strideX - padLeft) * pixel
          if (kw == 3) inside3(from, taps, to + <usize>low * pixel, high - low, pixel, strideX, lanes)
          else if (kw == 5) inside5(from, taps, to + <usize>low * pixel, high - low, pixel, strideX, lanes)
          else edge(xRow, taps, to, low, high, width, pixel, kw, strideX, padLeft, lanes)
          edge(xRow, taps, to, high, outWidth, width, pixel, kw, strideX, padLeft, lanes)
        }
      }
    }
  }
}

/** Output columns [from, until), every tap checked against the image's sides. */
function edge(
  xRow: usize,
  taps: usize,
  yRow: usize,
  from: i32,
  until: i32,
  width: i32,
  pixel: usize,
  kw: i32,
  stride: i32,
  padLeft: i32,
  lanes: i32,
): void {
  for (let ox = from; ox < until; ox++) {
    const to = yRow + <usize>ox * pixel
    let sum = v128.load(to)
    for (let kx: i32 = 0; kx < kw; kx++) {
      const ix = ox * stride + kx - padLeft
      if (ix < 0 || ix >= width) continue
      sum = multiplyAdd(sum, v128.load(xRow + <usize>ix * pixel), v128.load(taps + <usize>kx * pixel))
    }
    storeLanes(to, sum, lanes)
  }
}

function inside3(from: usize, taps: usize, to: usize, count: i32, pixel: usize, stride: i32, lanes: i32): void {
  const w0 = v128.load(taps)
  const w1 = v128.load(taps + pixel)
  const w2 = v128.load(taps + 2 * pixel)
  const advance = <usize>stride * pixel
  for (let i: i32 = 0; i < count; i++, from += advance, to += pixel) {
    let sum = multiplyAdd(v128.load(to), v128.load(from), w0)
    sum = multiplyAdd(sum, v128.load(from + pixel), w1)
    sum = multiplyAdd(sum, v128.load(from + 2 * pixel), w2)
    storeLanes(to, sum, lanes)
  }
}

function inside5(from: usize, taps: usize, to: usize, count: i32, pixel: usize, stride: i32, lanes: i32): void {
  const w0 = v128.load(taps)
  const w1 = v128.load(taps + pixel)
  const w2 = v128.load(taps + 2 * pixel)
  const w3 = v128.load(taps + 3 * pixel)
  const w4 = v128.load(taps + 4 * pixel)
  const advance = <usize>stride * pixel
  for (let i: i32 = 0; i < count; i++, from += advance, to += pixel) {
    let sum = multiplyAdd(v128.load(to), v128.load(from), w0)
    sum = multiplyAdd(sum, v128.load(from + pixel), w1)
    sum = multiplyAdd(sum, v128.load(from + 2 * pixel), w2)
    sum = multiplyAdd(sum, v128.load(from + 3 * pixel), w3)
    sum = multiplyAdd(sum, v128.load(from + 4 * pixel), w4)
    storeLanes(to, sum, lanes)
  }
}

/** flipped [kh, kw, C] = the filter turned by half a turn: at stride 1 the input gradient is a convolution with it. */
export function flipTaps(filter: usize, flipped: usize, taps: i32, channels: i32): void {
  const pixel = <usize>channels << 2
  for (let t: i32 = 0; t < taps; t++) {
    memory.copy(flipped + <usize>(taps - 1 - t) * pixel, filter + <usize>t * pixel, pixel)
  }
}

/** dx from dy at any stride: each output pixel's gradient is spread over its window. */
export function depthwiseInputGradient(
  dy: usize,
  filter: usize,
  dx: usize,
  batch: i32,
  height: i32,
  width: i32,
  channels: i32,
  kh: i32,
  kw: i32,
  strideY: i32,
  strideX: i32,
  padTop: i32,
  padLeft: i32,
  outHeight: i32,
  outWidth: i32,
): void {
  const pixel = <usize>channels << 2
  memory.fill(dx, 0, <usize>(batch * height * width) * pixel)
  for (let b: i32 = 0; b < batch; b++) {
    for (let oy: i32 = 0; oy < outHeight; oy++) {
      const dyRow = dy + <usize>((b * outHeight + oy) * outWidth) * pixel
      for (let c: i32 = 0; c < channels; c += 4) {
        const column = <usize>c << 2
        for (let ky: i32 = 0; ky < kh; ky++) {
          const iy = oy * strideY + ky - padTop
          if (iy < 0 || iy >= height) continue
          const dxRow = dx + <usize>((b * height + iy) * width) * pixel + column
          const taps = filter + <usize>(ky * kw) * pixel + column
          for (let ox: i32 = 0; ox < outWidth; ox++) {
            const gradient = v128.load(dyRow + column + <usize>ox * pixel)
            for (let kx: i32 = 0; kx < kw; kx++) {
              const ix = ox * strideX + kx - padLeft
              if (ix < 0 || ix >= width) continue
              const to = dxRow + <usize>ix * pixel
              storeLanes(to, multiplyAdd(v128.load(to), gradient, v128.load(taps + <usize>kx * pixel)), channels - c)
            }
          }
        }
      }
    }
  }
}

/** dFilter [kh, kw, C] = Σ over batch and output pixels of dy times the pixel under each tap. */
export function depthwiseFilterGradient(
  x: usize,
  dy: usize,
  dFilter: usize,
  batch: i32,
  height: i32,
  width: i32,
  channels: i32,
  kh: i32,
  kw: i32,
  strideY: i32,
  strideX: i32,
  padTop: i32,
  padLeft: i32,
  outHeight: i32,
  outWidth: i32,
): void {
  const pixel = <usize>channels << 2
  const low = min(firstInside(padLeft, strideX), outWidth)
  const high = max(low, endInside(width, kw, padLeft, strideX, outWidth))
  memory.fill(dFilter, 0, <usize>(kh * kw) * pixel)
  for (let b: i32 = 0; b < batch; b++) {
    for (let oy: i32 = 0; oy < outHeight; oy++) {
      const dyRow = dy + <usize>((b * outHeight + oy) * outWidth) * pixel
      for (let c: i32 = 0; c < channels; c += 4) {
        const column = <usize>c << 2
        const lanes = channels - c
        const dyColumn = dyRow + column
        for (let ky: i32 = 0; ky < kh; ky++) {
          const iy = oy * strideY + ky - padTop
          if (iy < 0 || iy >= height) continue
          const xRow = x + <usize>((b * height + iy) * width) * pixel + column
          const taps = dFilter + <usize>(ky * kw) * pixel + column
          tapEdge(xRow, dyColumn, taps, 0, low, width, pixel, kw, strideX, padLeft, lanes)
          const from = xRow + <usize>(low * strideX - padLeft) * pixel
          if (kw == 3) tap3(from, dyColumn + <usize>low * pixel, taps, high - low, pixel, strideX, lanes)
          else if (kw == 5) tap5(from, dyColumn + <usize>low * pixel, taps, high - low, pixel, strideX, lanes)
          else tapEdge(xRow, dyColumn, taps, low, high, width, pixel, kw, strideX, padLeft, lanes)
          tapEdge(xRow, dyColumn, taps, high, outWidth, width, pixel, kw, strideX, padLeft, lanes)
        }
      }
    }
  }
}

function tapEdge(
  xRow: usize,
  dyRow: usize,
  taps: usize,
  from: i32,
  until: i32,
  width: i32,
  pixel: usize,
  kw: i32,
  stride: i32,
  padLeft: i32,
  lanes: i32,
): void {
  for (let ox = from; ox < until; ox++) {
    const gradient = v128.load(dyRow + <usize>ox * pixel)
    for (let kx: i32 = 0; kx < kw; kx++) {
      const ix = ox * stride + kx - padLeft
      if (ix < 0 || ix >= width) continue
      const to = taps + <usize>kx * pixel
      storeLanes(to, multiplyAdd(v128.load(to), gradient, v128.load(xRow + <usize>ix * pixel)), lanes)
    }
  }
}

function tap3(from: usize, dy: usize, taps: usize, count: i32, pixel: usize, stride: i32, lanes: i32): void {
  let t0 = v128.load(taps)
  let t1 = v128.load(taps + pixel)
  let t2 = v128.load(taps + 2 * pixel)
  const advance = <usize>stride * pixel
  for (let i: i32 = 0; i < count; i++, from += advance, dy += pixel) {
    const gradient = v128.load(dy)
    t0 = multiplyAdd(t0, gradient, v128.load(from))
    t1 = multiplyAdd(t1, gradient, v128.load(from + pixel))
    t2 = multiplyAdd(t2, gradient, v128.load(from + 2 * pixel))
  }
  storeLanes(taps, t0, lanes)
  storeLanes(taps + pixel, t1, lanes)
  storeLanes(taps + 2 * pixel, t2, lanes)
}

function tap5(from: usize, dy: usize, taps: usize, count: i32, pixel: usize, stride: i32, lanes: i32): void {
  let t0 = v128.load(taps)
  let t1 = v128.load(taps + pixel)
  let t2 = v128.load(taps + 2 * pixel)
  let t3 = v128.load(taps + 3 * pixel)
  let t4 = v128.load(taps + 4 * pixel)
  const advance = <usize>stride * pixel
  for (let i: i32 = 0; i < count; i++, from += advance, dy += pixel) {
    const gradient = v128.load(dy)
    t0 = multiplyAdd(t0, gradient, v128.load(from))
    t1 = multiplyAdd(t1, gradient, v128.load(from + pixel))
    t2 = multiplyAdd(t2, gradient, v128.load(from + 2 * pixel))
    t3 = multiplyAdd(t3, gradient, v128.load(from + 3 * pixel))
    t4 = multiplyAdd(t4, gradient, v128.load(from + 4 * pixel))
  }
  storeLanes(taps, t0, lanes)
  storeLanes(taps + pixel, t1, lanes)
  storeLanes(taps + 2 * pixel, t2, lanes)
  storeLanes(taps + 3 * pixel, t3, lanes)
  storeLanes(taps + 4 * pixel, t4, lanes)
}
