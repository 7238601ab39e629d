/**
 * @file Encoding `int8`: blocks of 256 values of a tensor, each a float32 scale and one signed byte a value; the last block may be shorter.
 *
 *   s = max|x|/127      q = ⌊x/s + u⌋, u uniform in [0, 1)      x̂ = q·s
 *
 * Rounding is stochastic, so that E[x̂] = x, and seeded, so that the same delta has the same bytes. |x̂ − x| ≤ s.
 * Source: Karimireddy et al., Error Feedback Fixes SignSGD, ICML 2019, https://arxiv.org/abs/1901.09847, for what is done with the error;
 * blocks as in Dettmers et al., 8-bit Optimizers via Block-wise Quantization, ICLR 2022, https://arxiv.org/abs/2110.02861.
 */
import type { Random } from '../random.ts'

/** Values that share a scale: one outlier coarsens 256 of them, and the scales cost 1.6 %. */
export const INT8_BLOCK = 256
const SCALE_BYTES = 4
const LARGEST = 127
/** 127 of these are just below the largest float32: a scale that is rounded up must not make its largest value infinite. */
const LARGEST_SCALE = 2.679388e36

/** Number of bytes of `elements` values. */
export function int8Bytes(elements: number): number {
  return elements + SCALE_BYTES * Math.ceil(elements / INT8_BLOCK)
}

/** Writes finite `values` to `out`, which has {@link int8Bytes} of them. */
export function encodeInt8(values: Float32Array, out: Uint8Array, random: Random): void {
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength)
  let at = 0
  for (let start = 0; start < values.length; start += INT8_BLOCK) {
    const block = values.subarray(start, start + INT8_BLOCK)
    let largest = 0
    for (const value of block) largest = Math.max(largest, Math.abs(value))
    // Of the smallest numbers a 127th is 0: they are sent as 0, and remembered.
    const scale = Math.fround(Math.min(largest / LARGEST, LARGEST_SCALE))
    view.setFloat32(at, scale, true)
    at += SCALE_BYTES
    for (const value of block) {
      const rounded = scale === 0 ? 0 : Math.floor(value / scale + random.float())
      // The scale is itself rounded, down perhaps: the largest value may come out a step above.
      view.setInt8(at++, Math.min(LARGEST, Math.max(-LARGEST, rounded)))
    }
  }
}

/** The values of `bytes`, into `out`. */
export function decodeInt8(bytes: Uint8Array, out: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  for (let start = 0; start < out.length; start += INT8_BLOCK) {
    const scale = view.getFloat32(at, true)
    at += SCALE_BYTES
    const end = Math.min(out.length, start + INT8_BLOCK)
    for (let i = start; i < end; i++) out[i] = view.getInt8(at++) * scale
  }
}
