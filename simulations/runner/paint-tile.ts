/** @file A drawn tile as the file that a run keeps of it: through its site's scanner, or through one of the patient's own. */
import { createRandom } from '@tessera/shared/random'
import { drawScanner, type Grade, siteScanner, tilePng } from '../tiles/index.ts'
import type { DrawnTile } from './source-tiles.ts'

export interface PaintOrder {
  readonly label: string
  readonly picture: DrawnTile
  /** Number of the site, whose scanner the tile is seen through; null: a scanner of the patient's own, as in a public collection. */
  readonly site: number | null
}

/** The same order, seed and size give the same bytes of a PNG file. @param seed Of the scanners of the sites. */
export function paintTile(
  { picture, label, site }: PaintOrder,
  seed: string,
  sizePx: number,
): Promise<Uint8Array> {
  const { patient, index } = picture
  const random = createRandom(site === null ? `${patient}/scanner` : `${seed}/scanner-${site}`)
  const scanner = site === null ? drawScanner(random) : siteScanner(site, random)
  return tilePng({ patient, index, grade: label as Grade, scanner, sizePx })
}
