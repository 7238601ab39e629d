/**
 * @file An encoded delta cut into blocks: stretches of it that follow each other, each small enough to be held for many sites at once. What
 * is computed block by block is the same for any size of block, since each coordinate is computed alone.
 */
import type { Layout } from '../model/layout.ts'
import type { Encoding } from '../protocol/aggregation.ts'
import { INT8_BLOCK } from './int8.ts'
import { type DeltaPart, deltaParts, encodedBytes } from './parts.ts'

/** A stretch of one tensor within a block. */
export interface Piece {
  readonly tensor: string
  readonly kind: DeltaPart['kind']
  readonly encoding: Encoding
  readonly elements: number
  /** In bytes from the start of the block. */
  readonly offset: number
  readonly bytes: number
}

export interface DeltaBlock {
  /** In bytes from the start of the delta. */
  readonly offset: number
  readonly bytes: number
  readonly elements: number
  readonly pieces: readonly Piece[]
}

/** @param maxElements Of a block; rounded down to whole int8 blocks, at least one. */
export function deltaBlocks(layout: Layout, encoding: Encoding, maxElements: number): DeltaBlock[] {
  const limit = Math.max(INT8_BLOCK, maxElements - (maxElements % INT8_BLOCK))
  const blocks: DeltaBlock[] = []
  let open: { offset: number; bytes: number; elements: number; pieces: Piece[] } | null = null
  for (const part of deltaParts(layout, encoding)) {
    let from = 0
    while (from < part.elements) {
      if (open === null) {
        open = { offset: part.offset + encodedBytes(part.encoding, from), bytes: 0, elements: 0, pieces: [] }
        blocks.push(open)
      }
      const room = limit - open.elements
      const left = part.elements - from
      // A tensor is cut at whole int8 blocks only: each has its scale before it.
      const elements = left <= room ? left : room - (room % INT8_BLOCK)
      if (elements === 0) {
        open = null
        continue
      }
      const bytes = encodedBytes(part.encoding, elements)
      const { name: tensor, kind, encoding } = part
      open.pieces.push({ tensor, kind, encoding, elements, offset: open.bytes, bytes })
      open.bytes += bytes
      open.elements += elements
      from += elements
      if (open.elements >= limit) open = null
    }
  }
  return blocks
}
