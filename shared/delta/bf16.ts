/** @file Encoding `bf16`: the upper half of a float32, rounded to nearest, ties to even. |x̂ − x| ≤ 2⁻⁸·|x| for normal numbers. */

const INFINITE = 0x7f80

/** Writes finite `values` to `out`, two bytes each. What would round to infinity becomes the largest bfloat16: a delta stays finite. */
export function encodeBf16(values: Float32Array, out: Uint8Array): void {
  const bits = new Uint32Array(values.slice().buffer)
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength)
  for (const [i, word] of bits.entries()) {
    const half = (word + 0x7fff + ((word >>> 16) & 1)) >>> 16
    const overflowed = (half & 0x7fff) === INFINITE
    view.setUint16(2 * i, overflowed ? half - 1 : half, true)
  }
}

/** The values of `bytes`, into `out`. */
export function decodeBf16(bytes: Uint8Array, out: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const words = new Uint32Array(out.length)
  for (let i = 0; i < out.length; i++) words[i] = view.getUint16(2 * i, true) << 16
  out.set(new Float32Array(words.buffer))
}
