/**
 * @file safetensors files as typed arrays, and back. Reading: F32, F16, BF16 (both widened to float32), I32, I64, U8. Writing: F32.
 *
 * The typed arrays are copies of their own, unless a view is asked for: a file's tensors need not be aligned, and a kept view keeps the whole file.
 */

import { assertFits, elementCount, type Layout, type Weights } from './layout.ts'
import { type Dtype, readHeader, type TensorEntry } from './safetensors-header.ts'

export type TensorData = Float32Array | Int32Array | BigInt64Array | Uint8Array

/** A tensor of a file. `data` is a Float32Array for F32, F16 and BF16. */
export interface FileTensor {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly data: TensorData
}

export interface SafetensorsFile {
  readonly tensors: Map<string, FileTensor>
  readonly metadata: Record<string, string>
}

/**
 * Gives the safetensors file of a model, in the layout's order, float32. Equal arguments give equal bytes.
 * @param metadata Texts for the file's `__metadata__`; PyTorch's tools need none.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH, {TensorShapeError} if the weights are not the layout's.
 */
export function encodeSafetensors(
  layout: Layout,
  weights: Weights,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  assertFits('weights', layout, weights)
  const header = safetensorsHeader(layout, metadata)
  const bytes = [...weights.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
  const file = new Uint8Array(header.length + bytes)
  file.set(header)
  let position = header.length
  for (const values of weights.values()) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), position)
    position += values.byteLength
  }
  return file
}

/** What {@link encodeSafetensors} puts before the tensors' bytes, which follow in the layout's order without a gap. */
export function safetensorsHeader(
  layout: Layout,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  // Joined by hand: an object would move names that look like numbers to the front.
  const entries: string[] = []
  if (Object.keys(metadata).length > 0) entries.push(`"__metadata__":${JSON.stringify(metadata)}`)
  let end = 0
  for (const { name, shape } of layout.tensors) {
    const begin = end
    end += 4 * elementCount(shape)
    entries.push(
      `${JSON.stringify(name)}:${JSON.stringify({ dtype: 'F32', shape, data_offsets: [begin, end] })}`,
    )
  }
  const text = new TextEncoder().encode(`{${entries.join(',')}}`)
  // Padded with spaces so that the tensors begin at a multiple of 8, as the reference writer does.
  const headerBytes = Math.ceil(text.length / 8) * 8
  const header = new Uint8Array(8 + headerBytes).fill(0x20, 8)
  new DataView(header.buffer).setBigUint64(0, BigInt(headerBytes), true)
  header.set(text, 8)
  return header
}

/**
 * Reads a safetensors file; tensors in the order of their bytes.
 * @throws {TesseraError} ERR_MODEL_FILE if the file is not one, or holds a dtype other than those above.
 */
export function decodeSafetensors(bytes: Uint8Array): SafetensorsFile {
  return readTensors(bytes, copyOut)
}

/**
 * The same, but float32 tensors share the file's memory where it is aligned: for whoever wants all of a file, and leaves the file alone.
 * @throws {TesseraError} As {@link decodeSafetensors}.
 */
export function viewSafetensors(bytes: Uint8Array): SafetensorsFile {
  return readTensors(bytes, (file, entry) => {
    const start = file.byteOffset + entry.begin
    if (entry.dtype !== 'F32' || start % 4 !== 0) return copyOut(file, entry)
    return new Float32Array(file.buffer, start, (entry.end - entry.begin) / 4)
  })
}

function readTensors(
  bytes: Uint8Array,
  read: (bytes: Uint8Array, entry: TensorEntry) => TensorData,
): SafetensorsFile {
  const { entries, metadata } = readHeader(bytes)
  const tensors = entries.map((entry): [string, FileTensor] => [
    entry.name,
    { dtype: entry.dtype, shape: entry.shape, data: read(bytes, entry) },
  ])
  return { tensors: new Map(tensors), metadata }
}

/** How the bytes of each dtype become an array. The buffer is the array's own. */
const READERS: Record<Dtype, (buffer: ArrayBuffer) => TensorData> = {
  F32: (buffer) => new Float32Array(buffer),
  F16: (buffer) => Float32Array.from(new Uint16Array(buffer), widenHalf),
  BF16: (buffer) => widenBrain(new Uint16Array(buffer)),
  I32: (buffer) => new Int32Array(buffer),
  I64: (buffer) => new BigInt64Array(buffer),
  U8: (buffer) => new Uint8Array(buffer),
}

function copyOut(bytes: Uint8Array, { dtype, begin, end }: TensorEntry): TensorData {
  // Not `bytes.slice`: a Buffer's slice is a view.
  const own = new Uint8Array(end - begin)
  own.set(bytes.subarray(begin, end))
  return READERS[dtype](own.buffer)
}

/** IEEE 754 binary16: sign 1, exponent 5 (bias 15), fraction 10 bits. */
function widenHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  if (exponent === 0) return sign * fraction * 2 ** -24
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** bfloat16 is the upper half of a float32. */
function widenBrain(halves: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(halves, (bits) => bits << 16).buffer)
}
