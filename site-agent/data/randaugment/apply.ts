/**
 * @file Carries out operations one after another, with as few passes over the pixels as give the same bytes: point operations gather in one
 * table that the last pass, or the next operation that needs real pixels, applies. The passes are kernels of wasm/assembly.
 */
import type { TileMemory } from '../wasm/tile-memory.ts'
import type { Operation, OperationName } from './operations.ts'
import * as tables from './tables.ts'
import { type Affine, FILL, rotation, shearX, shearY, translateX, translateY } from './warp.ts'

/** A tile whose bytes still have to go through `table`, when there is one. */
export interface PendingTile {
  /** Address of `[sizePx, sizePx, 3]` bytes in the thread's memory. */
  readonly at: number
  readonly table: tables.Table | null
}

/** Applies `operations` to a tile in the thread's memory, which stays as it is; the result lies elsewhere if it differs. */
export function applyOperations(
  memory: TileMemory,
  at: number,
  sizePx: number,
  operations: readonly Operation[],
): PendingTile {
  const room = createRoom(memory, at, sizePx)
  let tile: PendingTile = { at, table: null }
  for (const operation of operations) {
    const table = POINTWISE[operation.name]?.(tile, operation.argument, room)
    if (table === undefined) {
      const plain = applyPending(tile, room)
      const to = room.otherThan(plain)
      REWRITING[operation.name]?.(to, plain, operation, room)
      tile = { at: to, table: null }
    } else {
      tile = { at: tile.at, table: tables.composeTables(tile.table, table) }
    }
  }
  return tile
}

/** What a tile's operations work with. */
interface Room {
  readonly memory: TileMemory
  readonly sizePx: number
  readonly pixels: number
  /** Address of a tile that may be written while the one at `at` is read. */
  otherThan(at: number): number
  /** Address of a copy of a table, until the next one. */
  place(table: tables.Table): number
  countLevels(at: number): tables.Histogram
}

const COUNTS_BYTES = tables.TABLE_BYTES * 4

function createRoom(memory: TileMemory, given: number, sizePx: number): Room {
  const pixels = sizePx * sizePx
  const scratch = memory.take(COUNTS_BYTES)
  const tiles: number[] = []
  return {
    memory,
    sizePx,
    pixels,
    otherThan(at) {
      if (tiles.length < 2 && (at === given || at === tiles[0])) tiles.push(memory.take(pixels * 3))
      return (at === tiles[0] ? tiles[1] : tiles[0]) as number
    },
    place(table) {
      memory.bytes(scratch, tables.TABLE_BYTES).set(table)
      return scratch
    },
    countLevels(at) {
      memory.kernels.countLevels(scratch, at, pixels)
      return new Uint32Array(memory.bytes(scratch, COUNTS_BYTES).slice().buffer)
    },
  }
}

type TableBuilder = (tile: PendingTile, argument: number, room: Room) => tables.Table
type Rewrite = (to: number, from: number, operation: Operation, room: Room) => void

/** Point operations. */
const POINTWISE: Partial<Record<OperationName, TableBuilder>> = {
  'auto-contrast': (tile, _, room) => tables.autoContrastTable(countLevels(tile, room)),
  equalize: (tile, _, room) => tables.equalizeTable(countLevels(tile, room)),
  invert: () => tables.invertTable(),
  posterize: (_, bits) => tables.posterizeTable(bits),
  solarize: (_, threshold) => tables.solarizeTable(threshold),
  'solarize-add': (_, add) => tables.solarizeAddTable(add),
  contrast: (tile, factor, room) => tables.contrastTable(meanGrey(tile, room), factor),
  brightness: (_, factor) => tables.brightnessTable(factor),
}

/** Operations that mix channels or pixels. */
const REWRITING: Partial<Record<OperationName, Rewrite>> = {
  color: (to, from, { argument }, { memory, pixels }) => memory.kernels.saturate(to, from, pixels, argument),
  sharpness: (to, from, { argument }, { memory, sizePx }) =>
    memory.kernels.sharpen(to, from, sizePx * 3, sizePx, argument),
  rotate: mapped((degrees, sizePx) => rotation(degrees, sizePx)),
  'shear-x': mapped((factor) => shearX(factor)),
  'shear-y': mapped((factor) => shearY(factor)),
  'translate-x': mapped((share, sizePx) => translateX(share * sizePx)),
  'translate-y': mapped((share, sizePx) => translateY(share * sizePx)),
}

const FILL_PIXEL = FILL[0] | (FILL[1] << 8) | (FILL[2] << 16)

function mapped(map: (argument: number, sizePx: number) => Affine): Rewrite {
  return (to, from, { argument, cubic }, { memory, sizePx }) => {
    const [a, b, c, d, e, f] = map(argument, sizePx)
    memory.kernels.warp(to, from, sizePx, a, b, c, d, e, f, cubic, FILL_PIXEL)
  }
}

function countLevels({ at, table }: PendingTile, room: Room): tables.Histogram {
  return tables.countsAfter(room.countLevels(at), table)
}

/** The mean grey level, rounded to the nearest: what contrast turns around. */
function meanGrey({ at, table }: PendingTile, room: Room): number {
  const sum = room.memory.kernels.sumGrey(at, room.pixels, room.place(table ?? IDENTITY))
  return Math.floor(sum / room.pixels + 0.5)
}

const IDENTITY = tables.identityTable()

function applyPending({ at, table }: PendingTile, room: Room): number {
  if (table === null) return at
  const to = room.otherThan(at)
  room.memory.kernels.applyTable(to, at, room.pixels, room.place(table))
  return to
}
