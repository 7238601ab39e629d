/**
 * A band of an image in a frame of zeros, sixteen channels of it: what the windows of some rows of output pixels span. No inner
 * loop has to ask whether a tap lies inside, and a pixel of the frame is one cache line.
 */
import { storeLanes } from './vector'

/** Channels of a frame, whether the image has as many or not. */
export const GROUP: i32 = 16
/** Bytes of a frame's pixel. */
export const FRAME_PIXEL: usize = 64

/** Height or width that the windows of `out` output pixels span. */
// @ts-ignore: decorator
@inline
export function span(out: i32, stride: i32, kernel: i32): i32 {
  return (out - 1) * stride + kernel
}

/** Copies channels from `image` on, `lanes` or sixteen of them; row 0 of the frame is row `top` of the image, column 0 column `left`. */
export function fillFrame(
  image: usize,
  frame: usize,
  height: i32,
  width: i32,
  pixel: usize,
  lanes: i32,
  top: i32,
  left: i32,
  frameHeight: i32,
  frameWidth: i32,
): void {
  const row = <usize>frameWidth * FRAME_PIXEL
  const first = max(0, -left)
  const end = min(frameWidth, width - left)
  for (let r: i32 = 0; r < frameHeight; r++, frame += row) {
    const y = top + r
    if (y < 0 || y >= height || end <= first) {
      memory.fill(frame, 0, row)
      continue
    }
    memory.fill(frame, 0, <usize>first * FRAME_PIXEL)
    let from = image + <usize>(y * width + left + first) * pixel
    let to = frame + <usize>first * FRAME_PIXEL
    const last = frame + <usize>end * FRAME_PIXEL
    if (lanes >= GROUP) {
      for (; to < last; to += FRAME_PIXEL, from += pixel) {
        v128.store(to, v128.load(from))
        v128.store(to, v128.load(from, 16), 16)
        v128.store(to, v128.load(from, 32), 32)
        v128.store(to, v128.load(from, 48), 48)
      }
    } else {
      for (; to < last; to += FRAME_PIXEL, from += pixel) {
        for (let c: i32 = 0; c < lanes; c += 4) {
          const at = <usize>c << 2
          v128.store(to + at, v128.load(from + at))
        }
      }
    }
    memory.fill(last, 0, <usize>(frameWidth - end) * FRAME_PIXEL)
  }
}

/** Copies a whole image's frame back: zeros where the frame does not reach. */
export function emptyFrame(
  frame: usize,
  image: usize,
  height: i32,
  width: i32,
  pixel: usize,
  lanes: i32,
  padTop: i32,
  padLeft: i32,
  frameHeight: i32,
  frameWidth: i32,
): void {
  const zero = f32x4.splat(0)
  const some = min(lanes, GROUP)
  for (let y: i32 = 0; y < height; y++) {
    const inside = y + padTop < frameHeight
    for (let x: i32 = 0; x < width; x++, image += pixel) {
      const reached = inside && x + padLeft < frameWidth
      const from = frame + <usize>((y + padTop) * frameWidth + x + padLeft) * FRAME_PIXEL
      for (let c: i32 = 0; c < some; c += 4) {
        const at = <usize>c << 2
        storeLanes(image + at, reached ? v128.load(from + at) : zero, some - c)
      }
    }
  }
}
