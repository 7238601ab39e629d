/** @file Paints or cuts many tiles, in several processes. */
import { TesseraError } from '@tessera/shared/errors'
import type { Scale } from './cut.ts'
import type { ProcessSet } from './processes.ts'
import type { TileOrder } from './tasks.ts'

/** Processes that paint or cut. */
const WRITERS = 2
/** More than this share of unusable files, and the set is not what its owner thinks it is (as site-agent/data). */
const MAX_BAD_SHARE = 0.05

export interface TileLook {
  /** Of drawn tiles' scanners. */
  readonly seed: string
  readonly tilePx: number
  readonly scale: Scale
}

/**
 * @returns One code an order; `''` when it was written.
 * @throws {TesseraError} ERR_DATA_TOO_MANY_BAD
 */
export async function writeTiles(
  root: string,
  look: TileLook,
  orders: readonly TileOrder[],
  processes: ProcessSet,
  onProgress: (done: number, total: number) => void,
): Promise<string[]> {
  const codes = orders.map(() => '')
  const done = Array.from({ length: WRITERS }, () => 0)
  const size = Math.ceil(orders.length / WRITERS)
  await Promise.all(
    done.map(async (_, w) => {
      const tiles = orders
        .slice(w * size, (w + 1) * size)
        .map(({ label, picture, site, to }) => ({ label, picture, site, to }))
      const { seed, tilePx, scale } = look
      const task = { kind: 'write', root, seed, tilePx, scale, tiles } as const
      const { skipped } = await processes.work(task, (progress) => {
        done[w] = progress.done
        onProgress(
          done.reduce((sum, n) => sum + n, 0),
          orders.length,
        )
      })
      for (const { order, code } of skipped) codes[w * size + order] = code
    }),
  )
  const bad = codes.filter((code) => code !== '').length
  if (bad > MAX_BAD_SHARE * orders.length) {
    throw new TesseraError(
      'ERR_DATA_TOO_MANY_BAD',
      `at most ${MAX_BAD_SHARE * 100} % of ${orders.length} tiles must be bad, got ${bad} (${[...new Set(codes)].filter(Boolean).join(', ')})`,
    )
  }
  return codes
}

/** Number of tiles that were not written, by code. */
export function countCodes(codes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const code of codes) if (code !== '') counts[code] = (counts[code] ?? 0) + 1
  return counts
}
