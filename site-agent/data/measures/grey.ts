/** @file A tile in grey. */

/** Rec. 601 luma, as JPEG and Pillow have it: 0 to 255, row by row. */
export function greyOf(pixels: Uint8Array): Float32Array {
  const grey = new Float32Array(pixels.length / 3)
  for (let i = 0, at = 0; i < grey.length; i++, at += 3) {
    grey[i] =
      0.299 * (pixels[at] as number) + 0.587 * (pixels[at + 1] as number) + 0.114 * (pixels[at + 2] as number)
  }
  return grey
}
