/**
 * A convolution as a matrix product: the window under each output pixel laid out as one row, and the way back. Output rows of
 * all images are counted through: row r is row r % outHeight of image r / outHeight.
 */
import { rectangle } from './gemm'
import { storeLanes } from './vector'

/** Copies `count` floats, four at a time; reads up to 12 bytes further, writes no further. */
// @ts-ignore: decorator
@inline
function copyFloats(from: usize, to: usize, count: i32): void {
  for (; count > 0; count -= 4, from += 16, to += 16) storeLanes(to, v128.load(from), count)
}

/** columns [outWidth, kh * kw * C] = the windows of one output row, zeros where a window leaves the image. */
function windowsOfRow(
  image: usize,
  columns: usize,
  oy: i32,
  height: i32,
  width: i32,
  channels: i32,
  kh: i32,
  kw: i32,
  strideY: i32,
  strideX: i32,
  padTop: i32,
  padLeft: i32,
  outWidth: i32,
): void {
  const pixel = <usize>channels << 2
  const piece = <usize>kw * pixel
  const window = <usize>kh * piece
  for (let ky: i32 = 0; ky < kh; ky++) {
    const iy = oy * strideY + ky - padTop
    let to = columns + <usize>ky * piece
    for (let ox: i32 = 0; ox < outWidth; ox++, to += window) {
      const ix = ox * strideX - padLeft
      const first = max(0, -ix)
      const end = min(kw, width - ix)
      if (iy < 0 || iy >= height || end <= first) {
        memory.fill(to, 0, piece)
        continue
      }
      const from = image + <usize>(iy * width + ix + first) * pixel
      if (first > 0 || end < kw) memory.fill(to, 0, piece)
      copyFloats(from, to + <usize>first * pixel, (end - first) * channels)
    }
  }
}

/** columns [images * outHeight * outWidth, kh * kw * C] = the windows of `x`; task t does `part` output rows. */
export function imageToColumns(
  task: i32,
  lane: i32,
  part: i32,
  x: usize,
  columns: usize,
  images: i32,
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
  const size = kh * kw * channels
  const end = min(images * outHeight, (task + 1) * part)
  for (let r = task * part; r < end; r++) {
    const image = x + (<usize>((r / outHeight) * height * width * channels) << 2)
    const to = columns + (<usize>(r * outWidth * size) << 2)
    windowsOfRow(image, to, r % outHeight, height, width, channels, kh, kw, strideY, strideX, padTop, padLeft, outWidth)
  }
}

/**
 * y [images, outHeight, outWidth, n] = x * filter, `packed` the filter [kh * kw * C, n] in panels. Task t does `part` output rows;
 * `scratch` holds their windows, `scratchBytes` of it a lane.
 */
export function convolve(
  task: i32,
  lane: i32,
  part: i32,
  scratchBytes: i32,
  x: usize,
  packed: usize,
  y: usize,
  scratch: usize,
  n: i32,
  images: i32,
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
  const size = kh * kw * channels
  const columns = scratch + <usize>lane * <usize>scratchBytes
  const first = task * part
  const end = min(images * outHeight, first + part)
  for (let r = first; r < end; r++) {
    const image = x + (<usize>((r / outHeight) * height * width * channels) << 2)
    const to = columns + (<usize>((r - first) * outWidth * size) << 2)
    windowsOfRow(image, to, r % outHeight, height, width, channels, kh, kw, strideY, strideX, padTop, padLeft, outWidth)
  }
  const pixels = (end - first) * outWidth
  const to = y + (<usize>(first * outWidth * n) << 2)
  rectangle(columns, packed, to, 0, pixels, 0, n, n, size, size, false)
}

/** image [H, W, C] += the windows of one output row, each where it came from: the transpose of windowsOfRow. */
function addWindows(
  columns: usize,
  image: usize,
  oy: i32,
  height: i32,
  width: i32,
  channels: i32,
  kh: i32,
  kw: i32,
  strideY: i32,
  strideX: i32,
  padTop: i32,
  padLeft: i32,
  outWidth: i32,
): void {
  const pixel = <usize>channels << 2
  let from = columns
  for (let ox: i32 = 0; ox < outWidth; ox++) {
    for (let ky: i32 = 0; ky < kh; ky++) {
      const iy = oy * strideY + ky - padTop
      for (let kx: i32 = 0; kx < kw; kx++, from += pixel) {
        const ix = ox * strideX + kx - padLeft
        if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue
        const to = image + <usize>(iy * width + ix) * pixel
        for (let c: i32 = 0; c < channels; c += 4) {
          const at = <usize>c << 2
          storeLanes(to + at, f32x4.add(v128.load(to + at), v128.load(from + at)), channels - c)
        }
      }
    }
  }
}

/**
 * dx from dy, `packed` the filter's transpose [n, kh * kw * C] in panels. Task t is image t; `scratch` holds the gradients of one
 * output row's windows, `scratchBytes` of it a lane.
 */
export function convolveInputGradient(
  task: i32,
  lane: i32,
  scratchBytes: i32,
  dy: usize,
  packed: usize,
  dx: usize,
  scratch: usize,
  n: i32,
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
  const size = kh * kw * channels
  const columns = scratch + <usize>lane * <usize>scratchBytes
  const bytes = <usize>(height * width * channels) << 2
  const image = dx + <usize>task * bytes
  memory.fill(image, 0, bytes)
  for (let oy: i32 = 0; oy < outHeight; oy++) {
    const from = dy + (<usize>((task * outHeight + oy) * outWidth * n) << 2)
    rectangle(from, packed, columns, 0, outWidth, 0, size, size, n, n, false)
    addWindows(columns, image, oy, height, width, channels, kh, kw, strideY, strideX, padTop, padLeft, outWidth)
  }
}
