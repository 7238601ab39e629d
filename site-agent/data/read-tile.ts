/** @file One tile's pixels, wherever they come from. */
import { type DecodedTile, decodeTile, scaleRaw } from './decode.ts'
import type { TileOrigin } from './origin.ts'
import type { TileMemory } from './wasm/tile-memory.ts'
import { readSlideTile } from './wsi/read-slide-tile.ts'

/**
 * Reads a tile.
 *
 * @param use Called with the tile, at once: the pixels may lie in `memory`, which is another tile's as soon as this thread waits for anything.
 * @returns What `use` returns.
 * @throws {TesseraError} ERR_DATA_TILE_UNREADABLE, ERR_DATA_TILE_TOO_LARGE, ERR_DATA_TILE_NOT_RGB.
 */
export async function readTile<T>(
  origin: TileOrigin,
  sizePx: number,
  memory: TileMemory,
  use: (tile: DecodedTile) => T,
): Promise<T> {
  if (typeof origin === 'string') return decodeTile(origin, sizePx, memory, use)
  return use(await ('pixels' in origin ? scaleRaw(origin, sizePx) : readSlideTile(origin, sizePx)))
}
