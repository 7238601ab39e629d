/**
 * @file Carries out operations one after another, with as few passes over the pixels as give the same bytes: point operations gather in one
 * table that the last pass, or the next operation that needs real pixels, applies.
 */
import { meanGrey, saturate } from './colour.ts'
import type { Operation, OperationName } from './operations.ts'
import { sharpen } from './sharpness.ts'
import * as tables from './tables.ts'
import { type Affine, rotation, shearX, shearY, translateX, translateY, warp } from './warp.ts'

/** A tile whose bytes still have to go through `table`, when there is one. */
export interface PendingTile {
  readonly pixels: Uint8Array
  readonly table: tables.Table | null
}

/** Applies `operations` to a tile of `[sizePx, sizePx, 3]` bytes. The result may lie in memory that the thread's next call writes to. */
export function applyOperations(
  pixels: Uint8Array,
  sizePx: number,
  operations: readonly Operation[],
): PendingTile {
  let tile: PendingTile = { pixels, table: null }
  for (const operation of operations) {
    const table = POINTWISE[operation.name]?.(tile, operation.argument)
    if (table === undefined) {
      const plain = applyPending(tile)
      const out = otherThan(plain)
      REWRITING[operation.name]?.(out, plain, sizePx, operation)
      tile = { pixels: out, table: null }
    } else {
      tile = { pixels: tile.pixels, table: tables.composeTables(tile.table, table) }
    }
  }
  return tile
}

type TableBuilder = (tile: PendingTile, argument: number) => tables.Table
type Rewrite = (out: Uint8Array, pixels: Uint8Array, sizePx: number, operation: Operation) => void

/** Point operations. */
const POINTWISE: Partial<Record<OperationName, TableBuilder>> = {
  'auto-contrast': ({ pixels, table }) => tables.autoContrastTable(tables.countLevels(pixels, table)),
  equalize: ({ pixels, table }) => tables.equalizeTable(tables.countLevels(pixels, table)),
  invert: () => tables.invertTable(),
  posterize: (_, bits) => tables.posterizeTable(bits),
  solarize: (_, threshold) => tables.solarizeTable(threshold),
  'solarize-add': (_, add) => tables.solarizeAddTable(add),
  contrast: ({ pixels, table }, factor) => tables.contrastTable(meanGrey(pixels, table), factor),
  brightness: (_, factor) => tables.brightnessTable(factor),
}

/** Operations that mix channels or pixels. */
const REWRITING: Partial<Record<OperationName, Rewrite>> = {
  color: (out, pixels, _, { argument }) => saturate(out, pixels, argument),
  sharpness: (out, pixels, sizePx, { argument }) => sharpen(out, pixels, sizePx, argument),
  rotate: mapped((degrees, sizePx) => rotation(degrees, sizePx)),
  'shear-x': mapped((factor) => shearX(factor)),
  'shear-y': mapped((factor) => shearY(factor)),
  'translate-x': mapped((share, sizePx) => translateX(share * sizePx)),
  'translate-y': mapped((share, sizePx) => translateY(share * sizePx)),
}

function mapped(map: (argument: number, sizePx: number) => Affine): Rewrite {
  return (out, pixels, sizePx, { argument, cubic }) => warp(out, pixels, sizePx, map(argument, sizePx), cubic)
}

function applyPending({ pixels, table }: PendingTile): Uint8Array {
  if (table === null) return pixels
  const out = otherThan(pixels)
  tables.applyTable(out, pixels, table)
  return out
}

/** Two buffers a thread: one is read while the other is written, and the given tile itself never is. */
const buffers: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)]

function otherThan(pixels: Uint8Array): Uint8Array {
  const i = buffers[0] === pixels ? 1 : 0
  if (buffers[i].length !== pixels.length) buffers[i] = new Uint8Array(pixels.length)
  return buffers[i]
}
