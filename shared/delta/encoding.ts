/** @file Encoding `f32` of a delta: its tensors' values, little-endian float32, in the layout's order, without a header or a gap. */
import { TesseraError } from '../errors.ts'
import { assertFits, elementCount, federatedLayout, type Layout, type Weights } from '../model/layout.ts'

const FLOAT_BYTES = 4
/** Typed arrays have the machine's byte order, the wire is little-endian; every common machine is too. */
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** Number of bytes of an encoded delta of this layout. */
export function deltaBytes(layout: Layout): number {
  return (
    FLOAT_BYTES * federatedLayout(layout).tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0)
  )
}

/**
 * The delta's bytes.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH or {TensorShapeError} if the delta does not fit the layout.
 */
export function encodeDelta(layout: Layout, delta: Weights): Uint8Array {
  assertFits('delta', federatedLayout(layout), delta)
  const out = new Uint8Array(deltaBytes(layout))
  let offset = 0
  for (const values of delta.values()) {
    out.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset)
    offset += values.byteLength
  }
  return LITTLE_ENDIAN ? out : swapped(out)
}

/**
 * The delta of these bytes; shares no memory with them.
 * @throws {TesseraError} ERR_UPDATE_SIZE if their number is not the layout's.
 */
export function decodeDelta(layout: Layout, bytes: Uint8Array): Weights {
  const want = deltaBytes(layout)
  if (bytes.byteLength !== want) {
    throw new TesseraError('ERR_UPDATE_SIZE', `delta must have ${want} bytes, got ${bytes.byteLength}`)
  }
  // A copy that starts at 0: float32 views need an aligned start, and the caller may reuse its bytes.
  const own = LITTLE_ENDIAN ? new Uint8Array(bytes) : swapped(bytes)
  const delta = new Map<string, Float32Array>()
  let offset = 0
  for (const { name, shape } of federatedLayout(layout).tensors) {
    const values = new Float32Array(own.buffer, offset, elementCount(shape))
    delta.set(name, values)
    offset += values.byteLength
  }
  return delta
}

function swapped(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(bytes).swap32())
}
