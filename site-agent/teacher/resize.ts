/**
 * @file Bilinear scaling of a square image, smoothed when it gets smaller: the triangle filter with a width of max(1, input / output) pixels.
 *
 * Pixel i covers [i, i + 1): centres are at half pixels. So Pillow's `BILINEAR` and torchvision's `Resize` compute it; for enlarging it is
 * plain bilinear interpolation. Source: Pillow, src/libImaging/Resample.c, read as documentation of the filter.
 */

/** What one output pixel is made of: input pixels from `first` on, by `weights`, which sum to 1. */
interface Taps {
  readonly first: number
  readonly weights: readonly number[]
}

/** Gives the taps of each output pixel along one axis. */
export function bilinearTaps(input: number, output: number): Taps[] {
  const scale = input / output
  const radius = Math.max(1, scale)
  return Array.from({ length: output }, (_, i) => {
    const centre = (i + 0.5) * scale
    const first = Math.max(0, Math.floor(centre - radius + 0.5))
    const end = Math.min(input, Math.floor(centre + radius + 0.5))
    const raw = Array.from({ length: end - first }, (_, k) =>
      Math.max(0, 1 - Math.abs(first + k + 0.5 - centre) / radius),
    )
    const sum = raw.reduce((total, weight) => total + weight, 0)
    return { first, weights: raw.map((weight) => weight / sum) }
  })
}

/** Gives an image [input, input, 3] as [output, output, 3]; the image itself when the sizes are equal. */
export function resizeSquare(image: Float32Array, input: number, output: number): Float32Array {
  if (input === output) return image
  const taps = bilinearTaps(input, output)
  const rows = new Float32Array(input * output * 3)
  // Plain loops over numbers: with iterators a tile took longer than some teachers do.
  for (let y = 0, to = 0; y < input; y++) {
    for (let x = 0; x < output; x++, to += 3) {
      const { first, weights } = taps[x] as Taps
      let from = (y * input + first) * 3
      let [red, green, blue] = [0, 0, 0]
      for (let k = 0; k < weights.length; k++, from += 3) {
        const weight = weights[k] as number
        red += weight * (image[from] as number)
        green += weight * (image[from + 1] as number)
        blue += weight * (image[from + 2] as number)
      }
      rows[to] = red
      rows[to + 1] = green
      rows[to + 2] = blue
    }
  }
  const result = new Float32Array(output * output * 3)
  const width = output * 3
  for (let y = 0; y < output; y++) {
    const { first, weights } = taps[y] as Taps
    for (let at = 0; at < width; at++) {
      let sum = 0
      for (let k = 0; k < weights.length; k++)
        sum += (weights[k] as number) * (rows[(first + k) * width + at] as number)
      result[y * width + at] = sum
    }
  }
  return result
}
