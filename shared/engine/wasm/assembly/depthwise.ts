/**
 * Depthwise convolution [B, H, W, C] with [kh, kw, C] and its two gradients. Each image is first copied into a frame of zeros,
 * so that no inner loop asks whether a tap lies inside. Then four channels at a time: the taps of one filter row stay in
 * registers while the row of pixels runs.
 */
import { multiplyAdd, storeLanes } from './vector'

/** Height or width of the frame: what the windows of `out` output pixels span. The caller gives room for height * width * C. */
// @ts-ignore: decorator
@inline
function span(out: i32, stride: i32, kernel: i32): i32 {
  return (out - 1) * stride + kernel
}

/** Copies an image into its frame; rows and columns that no window reaches are left out. */
function frameImage(
  image: usize,
  frame: usize,
  height: i32,
  width: i32,
  pixel: usize,
  frameHeight: i32,
  frameWidth: i32,
  padTop: i32,
  padLeft: i32,
): void {
  memory.fill(frame, 0, <usize>(frameHeight * frameWidth) * pixel)
  const columns = min(width, frameWidth - padLeft)
  for (let y: i32 = 0; y < min(height, frameHeight - padTop); y++) {
    const to = frame + <usize>((y + padTop) * frameWidth + padLeft) * pixel
    memory.copy(to, image + <usize>(y * width) * pixel, <usize>columns * pixel)
  }
}

/** y = x * filter. `frame` is scratch. */
export function depthwise(
  x: usize,
  filter: usize,
  y: usize,
  frame: usize,
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
  const frameHeight = span(outHeight, strideY, kh)
  const frameWidth = span(outWidth, strideX, kw)
  const advance = <usize>strideX * pixel
  memory.fill(y, 0, <usize>(batch * outHeight * outWidth) * pixel)
  for (let b: i32 = 0; b < batch; b++) {
    const image = x + <usize>(b * height * width) * pixel
    frameImage(image, frame, height, width, pixel, frameHeight, frameWidth, padTop, padLeft)
    for (let oy: i32 = 0; oy < outHeight; oy++) {
      const yRow = y + <usize>((b * outHeight + oy) * outWidth) * pixel
      for (let c: i32 = 0; c < channels; c += 4) {
        const column = <usize>c << 2
        for (let ky: i32 = 0; ky < kh; ky++) {
          const from = frame + <usize>((oy * strideY + ky) * frameWidth) * pixel + column
          const taps = filter + <usize>(ky * kw) * pixel + column
          const to = yRow + column
          const lanes = channels - c
          if (kw == 3) gather3(from, taps, to, outWidth, pixel, advance, lanes)
          else if (kw == 5) gather5(from, taps, to, outWidth, pixel, advance, lanes)
          else for (let kx: i32 = 0; kx < kw; kx++) {
            gather1(from + <usize>kx * pixel, taps + <usize>kx * pixel, to, outWidth, pixel, advance, lanes)
          }
        }
      }
    }
  }
}

function gather1(from: usize, taps: usize, to: usize, count: i32, pixel: usize, advance: usize, lanes: i32): void {
  const w = v128.load(taps)
  for (let i: i32 = 0; i < count; i++, from += advance, to += pixel) {
    storeLanes(to, multiplyAdd(v128.load(to), v128.load(from), w), lanes)
  }
}

function gather3(from: usize, taps: usize, to: usize, count: i32, pixel: usize, advance: usize, lanes: i32): void {
  const w0 = v128.load(taps)
  const w1 = v128.load(taps + pixel)
  const w2 = v128.load(taps + 2 * pixel)
  for (let i: i32 = 0; i < count; i++, from += advance, to += pixel) {
    let sum = multiplyAdd(v128.load(to), v128.load(from), w0)
    sum = multiplyAdd(sum, v128.load(from + pixel), w1)
    sum = multiplyAdd(sum, v128.load(from + 2 * pixel), w2)
    storeLanes(to, sum, lanes)
  }
}

function gather5(from: usize, taps: usize, to: usize, count: i32, pixel: usize, advance: usize, lanes: i32): void {
  const w0 = v128.load(taps)
  const w1 = v128.load(taps + pixel)
  const w2 = v128.load(taps + 2 * pixel)
  const w3 = v128.load(taps + 3 * pixel)
  const w4 = v128.load(taps + 4 * pixel)
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

/** dx from dy at any stride: each output pixel's gradient is spread over its window. `frame` is scratch. */
export function depthwiseInputGradient(
  dy: usize,
  filter: usize,
  dx: usize,
  frame: usize,
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
  const frameHeight = span(outHeight, strideY, kh)
  const frameWidth = span(outWidth, strideX, kw)
  const advance = <usize>strideX * pixel
  memory.fill(dx, 0, <usize>(batch * height * width) * pixel)
  for (let b: i32 = 0; b < batch; b++) {
    memory.fill(frame, 0, <usize>(frameHeight * frameWidth) * pixel)
    for (let oy: i32 = 0; oy < outHeight; oy++) {
      const dyRow = dy + <usize>((b * outHeight + oy) * outWidth) * pixel
      for (let c: i32 = 0; c < channels; c += 4) {
        const column = <usize>c << 2
        for (let ky: i32 = 0; ky < kh; ky++) {
          const to = frame + <usize>((oy * strideY + ky) * frameWidth) * pixel + column
          const taps = filter + <usize>(ky * kw) * pixel + column
          const lanes = channels - c
          if (kw == 3 && lanes >= 4) scatter3(dyRow + column, taps, to, outWidth, pixel, advance)
          else for (let kx: i32 = 0; kx < kw; kx++) {
            const shift = <usize>kx * pixel
            scatter1(dyRow + column, taps + shift, to + shift, outWidth, pixel, advance, lanes)
          }
        }
      }
    }
    const columns = <usize>min(width, frameWidth - padLeft) * pixel
    for (let y: i32 = 0; y < min(height, frameHeight - padTop); y++) {
      const from = frame + <usize>((y + padTop) * frameWidth + padLeft) * pixel
      memory.copy(dx + <usize>((b * height + y) * width) * pixel, from, columns)
    }
  }
}

function scatter1(dy: usize, taps: usize, to: usize, count: i32, pixel: usize, advance: usize, lanes: i32): void {
  const w = v128.load(taps)
  for (let i: i32 = 0; i < count; i++, dy += pixel, to += advance) {
    storeLanes(to, multiplyAdd(v128.load(to), v128.load(dy), w), lanes)
  }
}

function scatter3(dy: usize, taps: usize, to: usize, count: i32, pixel: usize, advance: usize): void {
  const w0 = v128.load(taps)
  const w1 = v128.load(taps + pixel)
  const w2 = v128.load(taps + 2 * pixel)
  for (let i: i32 = 0; i < count; i++, dy += pixel, to += advance) {
    const gradient = v128.load(dy)
    v128.store(to, multiplyAdd(v128.load(to), gradient, w0))
    v128.store(to + pixel, multiplyAdd(v128.load(to + pixel), gradient, w1))
    v128.store(to + 2 * pixel, multiplyAdd(v128.load(to + 2 * pixel), gradient, w2))
  }
}

/** dFilter [kh, kw, C] = Σ over batch and output pixels of dy times the pixel under each tap. `frame` is scratch. */
export function depthwiseFilterGradient(
  x: usize,
  dy: usize,
  dFilter: usize,
  frame: usize,
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
  const frameHeight = span(outHeight, strideY, kh)
  const frameWidth = span(outWidth, strideX, kw)
  const advance = <usize>strideX * pixel
  memory.fill(dFilter, 0, <usize>(kh * kw) * pixel)
  for (let b: i32 = 0; b < batch; b++) {
    const image = x + <usize>(b * height * width) * pixel
    frameImage(image, frame, height, width, pixel, frameHeight, frameWidth, padTop, padLeft)
    for (let oy: i32 = 0; oy < outHeight; oy++) {
      const dyRow = dy + <usize>((b * outHeight + oy) * outWidth) * pixel
      for (let c: i32 = 0; c < channels; c += 4) {
        const column = <usize>c << 2
        for (let ky: i32 = 0; ky < kh; ky++) {
          const from = frame + <usize>((oy * strideY + ky) * frameWidth) * pixel + column
          const taps = dFilter + <usize>(ky * kw) * pixel + column
          const by = dyRow + column
          const lanes = channels - c
          if (kw == 3) tap3(from, by, taps, outWidth, pixel, advance, lanes)
          else if (kw == 5) tap5(from, by, taps, outWidth, pixel, advance, lanes)
          else for (let kx: i32 = 0; kx < kw; kx++) {
            tap1(from + <usize>kx * pixel, by, taps + <usize>kx * pixel, outWidth, pixel, advance, lanes)
          }
        }
      }
    }
  }
}

function tap1(from: usize, dy: usize, taps: usize, count: i32, pixel: usize, advance: usize, lanes: i32): void {
  let t0 = v128.load(taps)
  for (let i: i32 = 0; i < count; i++, from += advance, dy += pixel) {
    t0 = multiplyAdd(t0, v128.load(dy), v128.load(from))
  }
  storeLanes(taps, t0, lanes)
}

function tap3(from: usize, dy: usize, taps: usize, count: i32, pixel: usize, advance: usize, lanes: i32): void {
  let t0 = v128.load(taps)
  let t1 = v128.load(taps + pixel)
  let t2 = v128.load(taps + 2 * pixel)
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

function tap5(from: usize, dy: usize, taps: usize, count: i32, pixel: usize, advance: usize, lanes: i32): void {
  let t0 = v128.load(taps)
  let t1 = v128.load(taps + pixel)
  let t2 = v128.load(taps + 2 * pixel)
  let t3 = v128.load(taps + 3 * pixel)
  let t4 = v128.load(taps + 4 * pixel)
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
