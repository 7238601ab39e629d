/** @file A delta as bytes and back: the tensors' values in the layout's order, little-endian. What each encoding does is in its own file. */
import { TesseraError } from '../errors.ts'
import { assertFits, federatedLayout, type Layout, type Weights } from '../model/layout.ts'
import type { Encoding } from '../protocol/aggregation.ts'
import type { Random } from '../random.ts'
import { decodeBf16, encodeBf16 } from './bf16.ts'
import { decodeInt8, encodeInt8 } from './int8.ts'
import { type DeltaPart, deltaBytes, deltaParts } from './parts.ts'

/** How an encoding that is not exact rounds. */
export interface Rounding {
  readonly encoding: Encoding
  /** Of this site's delta of this round; each tensor has a stream of its own. Only int8 rounds by chance. */
  readonly random?: Random | undefined
}

/**
 * The delta's bytes.
 * @param rounding Absent: `f32`. A delta that it rounds must be finite.
 * @param into Memory to be written over, where it has the right length.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH or {TensorShapeError} if the delta does not fit the layout.
 */
export function encodeDelta(
  layout: Layout,
  delta: Weights,
  rounding?: Rounding,
  into?: Uint8Array,
): Uint8Array {
  assertFits('delta', federatedLayout(layout), delta)
  const encoding = rounding?.encoding ?? 'f32'
  const bytes = deltaBytes(layout, encoding)
  const out = into?.byteLength === bytes ? into : new Uint8Array(bytes)
  for (const part of deltaParts(layout, encoding)) {
    const values = delta.get(part.name) ?? new Float32Array()
    const bytes = out.subarray(part.offset, part.offset + part.bytes)
    // Typed arrays have the machine's byte order, as safetensors files here do: every common machine is little-endian.
    if (part.encoding === 'f32')
      bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    else if (part.encoding === 'bf16') encodeBf16(values, bytes)
    else {
      if (!rounding?.random)
        throw new TesseraError('ERR_INTERNAL', 'internal: int8 must have a random stream')
      encodeInt8(values, bytes, rounding.random.fork(part.name))
    }
  }
  return out
}

/**
 * The delta of these bytes; shares no memory with them.
 * @throws {TesseraError} ERR_UPDATE_SIZE if their number is not the layout's.
 */
export function decodeDelta(layout: Layout, bytes: Uint8Array, encoding: Encoding = 'f32'): Weights {
  const want = deltaBytes(layout, encoding)
  if (bytes.byteLength !== want) {
    throw new TesseraError('ERR_UPDATE_SIZE', `delta must have ${want} bytes, got ${bytes.byteLength}`)
  }
  return new Map(deltaParts(layout, encoding).map((part) => [part.name, decodePart(part, bytes)]))
}

function decodePart({ encoding, elements, offset, bytes }: DeltaPart, all: Uint8Array): Float32Array {
  const out = new Float32Array(elements)
  const own = all.subarray(offset, offset + bytes)
  if (encoding === 'f32') new Uint8Array(out.buffer).set(own)
  else if (encoding === 'bf16') decodeBf16(own, out)
  else decodeInt8(own, out)
  return out
}
