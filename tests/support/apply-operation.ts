/** @file One operation of RandAugment on a tile, as bytes. */
import { applyOperations } from '../../site-agent/data/randaugment/apply.ts'
import type { Operation } from '../../site-agent/data/randaugment/operations.ts'
import { createTileMemory } from '../../site-agent/data/wasm/tile-memory.ts'

const memory = createTileMemory()

/** Applies operations one after another and what is pending at the end; the result is the caller's own. */
export function applyOperation(pixels: Uint8Array, sizePx: number, ...operations: Operation[]): Uint8Array {
  memory.clear()
  const given = memory.take(pixels.length)
  memory.bytes(given, pixels.length).set(pixels)
  const { at, table } = applyOperations(memory, given, sizePx, operations)
  if (Buffer.compare(memory.bytes(given, pixels.length), pixels) !== 0)
    throw new Error('the given tile changed')
  return memory.bytes(at, pixels.length).map((value, i) => table?.[(i % 3) * 256 + value] ?? value)
}
