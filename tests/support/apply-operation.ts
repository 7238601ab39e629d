/** @file One operation of RandAugment on a tile, as bytes. */
import { applyOperations } from '../../site-agent/data/randaugment/apply.ts'
import type { Operation } from '../../site-agent/data/randaugment/operations.ts'

/** Applies operations one after another and what is pending at the end; the result is the caller's own. */
export function applyOperation(pixels: Uint8Array, sizePx: number, ...operations: Operation[]): Uint8Array {
  const tile = applyOperations(pixels, sizePx, operations)
  return tile.pixels.map((value, i) => tile.table?.[(i % 3) * 256 + value] ?? value)
}
