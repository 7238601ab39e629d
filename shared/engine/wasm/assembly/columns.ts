/** A convolution as a matrix product: the window under each output pixel laid out as one row, and the way back. */

/** columns [outH * outW, kh * kw * C] = the windows of one image [H, W, C], zeros where a window leaves it. */
export function imageToColumns(
  image: usize,
  columns: usize,
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
  let to = columns
  for (let oy: i32 = 0; oy < outHeight; oy++) {
    for (let ox: i32 = 0; ox < outWidth; ox++) {
      for (let ky: i32 = 0; ky < kh; ky++) {
        const iy = oy * strideY + ky - padTop
        for (let kx: i32 = 0; kx < kw; kx++) {
          const ix = ox * strideX + kx - padLeft
          const inside = iy >= 0 && iy < height && ix >= 0 && ix < width
          const from = image + ((<usize>((iy * width + ix) * channels)) << 2)
          for (let c: i32 = 0; c < channels; c++, to += 4) {
            f32.store(to, inside ? f32.load(from + ((<usize>c) << 2)) : 0)
          }
        }
      }
    }
  }
}

/** image [H, W, C] += the windows, each where it came from: the transpose of imageToColumns. */
export function columnsToImage(
  columns: usize,
  image: usize,
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
  let from = columns
  for (let oy: i32 = 0; oy < outHeight; oy++) {
    for (let ox: i32 = 0; ox < outWidth; ox++) {
      for (let ky: i32 = 0; ky < kh; ky++) {
        const iy = oy * strideY + ky - padTop
        for (let kx: i32 = 0; kx < kw; kx++, from += (<usize>channels) << 2) {
          const ix = ox * strideX + kx - padLeft
          if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue
          const to = image + ((<usize>((iy * width + ix) * channels)) << 2)
          let c: i32 = 0
          for (; c + 4 <= channels; c += 4) {
            const at = (<usize>c) << 2
            v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(from + at)))
          }
          for (; c < channels; c++) {
            const at = (<usize>c) << 2
            f32.store(to + at, f32.load(to + at) + f32.load(from + at))
          }
        }
      }
    }
  }
}
