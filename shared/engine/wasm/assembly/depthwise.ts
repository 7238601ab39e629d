/**
 * Depthwise convolution [B, H, W, C] with [kh, kw, C]. A task is a band of output rows of one image, sixteen channels after the
 * other in a frame of zeros (frame.ts). Four channels at a time, four output pixels are held in registers while the taps run.
 */
import { FRAME_PIXEL, fillFrame, GROUP, span } from './frame'
import { multiplyAdd, storeLanes } from './vector'

/** y = x * filter. `bandRows` output rows a task; `frames` is scratch, `frameBytes` of it a lane. */
export function depthwise(
  task: i32,
  lane: i32,
  bandRows: i32,
  frameBytes: i32,
  x: usize,
  filter: usize,
  y: usize,
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
  const bands = (outHeight + bandRows - 1) / bandRows
  const b = task / bands
  const y0 = (task % bands) * bandRows
  const y1 = min(outHeight, y0 + bandRows)
  const frame = frames + <usize>lane * <usize>frameBytes
  const frameWidth = span(outWidth, strideX, kw)
  const frameRow = <usize>frameWidth * FRAME_PIXEL
  const image = x + <usize>(b * height * width) * pixel
  const top = y0 * strideY - padTop
  const frameHeight = span(y1 - y0, strideY, kh)
  const advance = <usize>strideX * FRAME_PIXEL
  for (let c0: i32 = 0; c0 < channels; c0 += GROUP) {
    const from = image + (<usize>c0 << 2)
    fillFrame(from, frame, height, width, pixel, channels - c0, top, -padLeft, frameHeight, frameWidth)
    const end = min(channels, c0 + GROUP)
    for (let oy = y0; oy < y1; oy++) {
      const row = frame + <usize>((oy - y0) * strideY) * frameRow
      const yRow = y + <usize>((b * outHeight + oy) * outWidth) * pixel
      for (let c = c0; c < end; c += 4) {
        const at = <usize>c << 2
        const start = row + (<usize>(c - c0) << 2)
        gatherRow(start, filter + at, yRow + at, outWidth, pixel, advance, frameRow, kh, kw, channels - c)
      }
    }
  }
}

/** One row of output pixels, four at a time where the filter is 3 or 5 wide. */
function gatherRow(
  from: usize,
  filter: usize,
  to: usize,
  count: i32,
  pixel: usize,
  advance: usize,
  frameRow: usize,
  kh: i32,
  kw: i32,
  lanes: i32,
): void {
  let left = count
  if (kw == 3) {
    for (; left >= 4; left -= 4, from += 4 * advance, to += 4 * pixel) {
      gather3(from, filter, to, pixel, advance, frameRow, kh, lanes)
    }
  } else if (kw == 5) {
    for (; left >= 4; left -= 4, from += 4 * advance, to += 4 * pixel) {
      gather5(from, filter, to, pixel, advance, frameRow, kh, lanes)
    }
  }
  for (; left > 0; left--, from += advance, to += pixel) {
    let sum = f32x4.splat(0)
    for (let ky: i32 = 0; ky < kh; ky++) {
      const row = from + <usize>ky * frameRow
      const weights = filter + <usize>(ky * kw) * pixel
      for (let kx: usize = 0; kx < <usize>kw; kx++) {
        sum = multiplyAdd(sum, v128.load(row + kx * FRAME_PIXEL), v128.load(weights + kx * pixel))
      }
    }
    storeLanes(to, sum, lanes)
  }
}

/** Four output pixels of a filter that is 3 wide. */
function gather3(
  from: usize,
  weights: usize,
  to: usize,
  pixel: usize,
  advance: usize,
  frameRow: usize,
  kh: i32,
  lanes: i32,
): void {
  let p0 = from
  let p1 = p0 + advance
  let p2 = p1 + advance
  let p3 = p2 + advance
  let s0 = f32x4.splat(0)
  let s1 = f32x4.splat(0)
  let s2 = f32x4.splat(0)
  let s3 = f32x4.splat(0)
  for (let ky: i32 = 0; ky < kh; ky++) {
    let w = v128.load(weights)
    s0 = multiplyAdd(s0, v128.load(p0), w)
    s1 = multiplyAdd(s1, v128.load(p1), w)
    s2 = multiplyAdd(s2, v128.load(p2), w)
    s3 = multiplyAdd(s3, v128.load(p3), w)
    w = v128.load(weights + pixel)
    s0 = multiplyAdd(s0, v128.load(p0, 64), w)
    s1 = multiplyAdd(s1, v128.load(p1, 64), w)
    s2 = multiplyAdd(s2, v128.load(p2, 64), w)
    s3 = multiplyAdd(s3, v128.load(p3, 64), w)
    w = v128.load(weights + 2 * pixel)
    s0 = multiplyAdd(s0, v128.load(p0, 128), w)
    s1 = multiplyAdd(s1, v128.load(p1, 128), w)
    s2 = multiplyAdd(s2, v128.load(p2, 128), w)
    s3 = multiplyAdd(s3, v128.load(p3, 128), w)
    weights += 3 * pixel
    p0 += frameRow
    p1 += frameRow
    p2 += frameRow
    p3 += frameRow
  }
  storeLanes(to, s0, lanes)
  storeLanes(to + pixel, s1, lanes)
  storeLanes(to + 2 * pixel, s2, lanes)
  storeLanes(to + 3 * pixel, s3, lanes)
}

/** Four output pixels of a filter that is 5 wide. */
function gather5(
  from: usize,
  weights: usize,
  to: usize,
  pixel: usize,
  advance: usize,
  frameRow: usize,
  kh: i32,
  lanes: i32,
): void {
  let p0 = from
  let p1 = p0 + advance
  let p2 = p1 + advance
  let p3 = p2 + advance
  let s0 = f32x4.splat(0)
  let s1 = f32x4.splat(0)
  let s2 = f32x4.splat(0)
  let s3 = f32x4.splat(0)
  for (let ky: i32 = 0; ky < kh; ky++) {
    let w = v128.load(weights)
    s0 = multiplyAdd(s0, v128.load(p0), w)
    s1 = multiplyAdd(s1, v128.load(p1), w)
    s2 = multiplyAdd(s2, v128.load(p2), w)
    s3 = multiplyAdd(s3, v128.load(p3), w)
    w = v128.load(weights + pixel)
    s0 = multiplyAdd(s0, v128.load(p0, 64), w)
    s1 = multiplyAdd(s1, v128.load(p1, 64), w)
    s2 = multiplyAdd(s2, v128.load(p2, 64), w)
    s3 = multiplyAdd(s3, v128.load(p3, 64), w)
    w = v128.load(weights + 2 * pixel)
    s0 = multiplyAdd(s0, v128.load(p0, 128), w)
    s1 = multiplyAdd(s1, v128.load(p1, 128), w)
    s2 = multiplyAdd(s2, v128.load(p2, 128), w)
    s3 = multiplyAdd(s3, v128.load(p3, 128), w)
    w = v128.load(weights + 3 * pixel)
    s0 = multiplyAdd(s0, v128.load(p0, 192), w)
    s1 = multiplyAdd(s1, v128.load(p1, 192), w)
    s2 = multiplyAdd(s2, v128.load(p2, 192), w)
    s3 = multiplyAdd(s3, v128.load(p3, 192), w)
    w = v128.load(weights + 4 * pixel)
    s0 = multiplyAdd(s0, v128.load(p0, 256), w)
    s1 = multiplyAdd(s1, v128.load(p1, 256), w)
    s2 = multiplyAdd(s2, v128.load(p2, 256), w)
    s3 = multiplyAdd(s3, v128.load(p3, 256), w)
    weights += 5 * pixel
    p0 += frameRow
    p1 += frameRow
    p2 += frameRow
    p3 += frameRow
  }
  storeLanes(to, s0, lanes)
  storeLanes(to + pixel, s1, lanes)
  storeLanes(to + 2 * pixel, s2, lanes)
  storeLanes(to + 3 * pixel, s3, lanes)
}

/** flipped [kh, kw, C] = the filter turned by half a turn: at stride 1 the input gradient is a convolution with it. */
export function flipTaps(filter: usize, flipped: usize, taps: i32, channels: i32): void {
  const pixel = <usize>channels << 2
  for (let t: i32 = 0; t < taps; t++) {
    memory.copy(flipped + <usize>(taps - 1 - t) * pixel, filter + <usize>t * pixel, pixel)
  }
}
