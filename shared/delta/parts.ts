/**
 * @file Where the tensors of an encoded delta lie: one after the other in the layout's order, without a header or a gap.
 *
 * The study's encoding is that of trainable tensors. Statistics and counters are float32 in every encoding: they are few, nothing feeds their
 * error back, and a running variance that is rounded may turn negative.
 */
import { elementCount, federatedLayout, type Layout, type TensorKind } from '../model/layout.ts'
import type { Encoding } from '../protocol/aggregation.ts'
import { int8Bytes } from './int8.ts'

/** One tensor in an encoded delta. */
export interface DeltaPart {
  readonly name: string
  readonly kind: Exclude<TensorKind, 'local-only'>
  readonly encoding: Encoding
  readonly elements: number
  /** In bytes from the start of the delta. */
  readonly offset: number
  readonly bytes: number
}

/** Number of bytes of `elements` values from the start of a tensor, or from a multiple of the int8 block. */
export function encodedBytes(encoding: Encoding, elements: number): number {
  if (encoding === 'f32') return 4 * elements
  return encoding === 'bf16' ? 2 * elements : int8Bytes(elements)
}

/** The parts of a delta of this layout, in order. */
export function deltaParts(layout: Layout, encoding: Encoding): DeltaPart[] {
  let offset = 0
  return federatedLayout(layout).tensors.map(({ name, kind, shape }) => {
    const own = kind === 'trainable' ? encoding : 'f32'
    const elements = elementCount(shape)
    const part = { name, kind, encoding: own, elements, offset, bytes: encodedBytes(own, elements) }
    offset += part.bytes
    return part as DeltaPart
  })
}

/** Number of bytes of an encoded delta of this layout. */
export function deltaBytes(layout: Layout, encoding: Encoding = 'f32'): number {
  return deltaParts(layout, encoding).reduce((sum, { bytes }) => sum + bytes, 0)
}
