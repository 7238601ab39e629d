/**
 * Gradients of a depthwise convolution, in frames of sixteen channels as the convolution itself (frame.ts).
 */
import { emptyFrame, FRAME_PIXEL, fillFrame, GROUP, span } from './frame'
import { multiplyAdd, storeLanes } from './vector'

/**
 * dx from dy at any stride: each output pixel's gradient is spread over its window. A task is one image, sixteen channels of
 * it; `frames` is scratch, `frameBytes` of it a lane.
 */
export function depthwiseInputGradient(
  task: i32,
  lane: i32,
  frameBytes: i32,
  dy: usize,
  filter: usize,
  dx: usize,
  frames: usize,
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
  const groups = (channels + GROUP - 1) / GROUP
  const c0 = (task % groups) * GROUP
  const b = task / groups
  const end = min(channels, c0 + GROUP)
  const frame = frames + <usize>lane * <usize>frameBytes
  const frameHeight = span(outHeight, strideY, kh)
  const frameWidth = span(outWidth, strideX, kw)
  const frameRow = <usize>frameWidth * FRAME_PIXEL
  const advance = <usize>strideX * FRAME_PIXEL
  memory.fill(frame, 0, <usize>frameHeight * frameRow)
  for (let oy: i32 = 0; oy < outHeight; oy++) {
    const dyRow = dy + <usize>((b * outHeight + oy) * outWidth) * pixel
    for (let c = c0; c < end; c += 4) {
      const at = <usize>c << 2
      for (let ky: i32 = 0; ky < kh; ky++) {
        const to = frame + <usize>(oy * strideY + ky) * frameRow + (<usize>(c - c0) << 2)
        const taps = filter + <usize>(ky * kw) * pixel + at
        if (kw == 3) scatter3(dyRow + at, taps, to, outWidth, pixel, advance)
        else if (kw == 5) scatter5(dyRow + at, taps, to, outWidth, pixel, advance)
        else for (let kx: i32 = 0; kx < kw; kx++) {
          scatter1(dyRow + at, taps + <usize>kx * pixel, to + <usize>kx * FRAME_PIXEL, outWidth, pixel, advance)
        }
      }
    }
  }
  const image = dx + <usize>(b * height * width) * pixel + (<usize>c0 << 2)
  emptyFrame(frame, image, height, width, pixel, channels - c0, padTop, padLeft, frameHeight, frameWidth)
}

function scatter1(dy: usize, taps: usize, to: usize, count: i32, pixel: usize, advance: usize): void {
  const w = v128.load(taps)
  for (let i: i32 = 0; i < count; i++, dy += pixel, to += advance) {
    v128.store(to, multiplyAdd(v128.load(to), v128.load(dy), w))
  }
}

function scatter3(dy: usize, taps: usize, to: usize, count: i32, pixel: usize, advance: usize): void {
  const w0 = v128.load(taps)
  const w1 = v128.load(taps + pixel)
  const w2 = v128.load(taps + 2 * pixel)
  for (let i: i32 = 0; i < count; i++, dy += pixel, to += advance) {
    const gradient = v128.load(dy)
    v128.store(to, multiplyAdd(v128.load(to), gradient, w0))
    v128.store(to, multiplyAdd(v128.load(to, 64), gradient, w1), 64)
    v128.store(to, multiplyAdd(v128.load(to, 128), gradient, w2), 128)
  }
}

function scatter5(dy: usize, taps: usize, to: usize, count: i32, pixel: usize, advance: usize): void {
  scatter3(dy, taps, to, count, pixel, advance)
  const w3 = v128.load(taps + 3 * pixel)
  const w4 = v128.load(taps + 4 * pixel)
  for (let i: i32 = 0; i < count; i++, dy += pixel, to += advance) {
    const gradient = v128.load(dy)
    v128.store(to, multiplyAdd(v128.load(to, 192), gradient, w3), 192)
    v128.store(to, multiplyAdd(v128.load(to, 256), gradient, w4), 256)
  }
}

/**
 * dFilter [kh, kw, C] = Σ over batch and output pixels of dy times the pixel under each tap. Task t sums over `images` images and
 * writes to `sums` + 4 t kh kw C; those are to be added up in order. `frames` is scratch, `frameBytes` of it a lane, for `bandRows` output rows at a time.
 */
export function depthwiseFilterGradient(
  task: i32,
  lane: i32,
  images: i32,
  bandRows: i32,
  frameBytes: i32,
  x: usize,
  dy: usize,
  sums: usize,
  frames: usize,
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
  const frame = frames + <usize>lane * <usize>frameBytes
  const frameWidth = span(outWidth, strideX, kw)
  const frameRow = <usize>frameWidth * FRAME_PIXEL
  const advance = <usize>strideX * FRAME_PIXEL
  const to = sums + <usize>(task * kh * kw) * pixel
  memory.fill(to, 0, <usize>(kh * kw) * pixel)
  const last = min(batch, (task + 1) * images)
  for (let b = task * images; b < last; b++) {
    const image = x + <usize>(b * height * width) * pixel
    for (let y0: i32 = 0; y0 < outHeight; y0 += bandRows) {
      const y1 = min(outHeight, y0 + bandRows)
      const top = y0 * strideY - padTop
      const frameHeight = span(y1 - y0, strideY, kh)
      for (let c0: i32 = 0; c0 < channels; c0 += GROUP) {
        const from = image + (<usize>c0 << 2)
        fillFrame(from, frame, height, width, pixel, channels - c0, top, -padLeft, frameHeight, frameWidth)
        const end = min(channels, c0 + GROUP)
        for (let oy = y0; oy < y1; oy++) {
          const dyRow = dy + <usize>((b * outHeight + oy) * outWidth) * pixel
          const row = frame + <usize>((oy - y0) * strideY) * frameRow
          for (let c = c0; c < end; c += 4) {
            const at = <usize>c << 2
            for (let ky: i32 = 0; ky < kh; ky++) {
              const start = row + <usize>ky * frameRow + (<usize>(c - c0) << 2)
              const taps = to + <usize>(ky * kw) * pixel + at
              tapRow(start, dyRow + at, taps, outWidth, kw, pixel, advance, channels - c)
            }
          }
        }
      }
    }
  }
}

/** Adds a row of output pixels to one row of taps. */
// @ts-ignore: decorator
@inline
function tapRow(
  from: usize,
  dy: usize,
  taps: usize,
  count: i32,
  kw: i32,
  pixel: usize,
  advance: usize,
  lanes: i32,
): void {
  if (kw == 3) tap3(from, dy, taps, count, pixel, advance, lanes)
  else if (kw == 5) tap5(from, dy, taps, count, pixel, advance, lanes)
  else for (let kx: i32 = 0; kx < kw; kx++) {
    tap1(from + <usize>kx * FRAME_PIXEL, dy, taps + <usize>kx * pixel, count, pixel, advance, lanes)
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
    t1 = multiplyAdd(t1, gradient, v128.load(from, 64))
    t2 = multiplyAdd(t2, gradient, v128.load(from, 128))
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
    t1 = multiplyAdd(t1, gradient, v128.load(from, 64))
    t2 = multiplyAdd(t2, gradient, v128.load(from, 128))
    t3 = multiplyAdd(t3, gradient, v128.load(from, 192))
    t4 = multiplyAdd(t4, gradient, v128.load(from, 256))
  }
  storeLanes(taps, t0, lanes)
  storeLanes(taps + pixel, t1, lanes)
  storeLanes(taps + 2 * pixel, t2, lanes)
  storeLanes(taps + 3 * pixel, t3, lanes)
  storeLanes(taps + 4 * pixel, t4, lanes)
}
