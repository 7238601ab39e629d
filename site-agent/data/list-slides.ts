/** @file A folder of slides as a listing of tiles: tiles of one slide stay together. */
import { parse } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import type { LabelUse, ListedTile, TileListing } from './splits/part.ts'
import { listSlideTiles, type SlideTilesOptions } from './wsi/list-slide-tiles.ts'

export interface ListSlidesOptions extends SlideTilesOptions {
  /** Of manifests and folders; slides have their own. */
  readonly labelMap?: unknown
  readonly columns?: unknown
}

/** @throws {TesseraError} ERR_USAGE; what listSlideTiles throws. */
export async function listSlideFolder(options: ListSlidesOptions): Promise<TileListing> {
  if (options.labelMap !== undefined || options.columns !== undefined) {
    throw new TesseraError(
      'ERR_USAGE',
      'slides must have their classes in slides.yaml, got --map or --columns',
    )
  }
  const { files, otherFiles, slides } = await listSlideTiles(options)
  const tiles = files.map(({ path, label }): ListedTile => {
    const name = parse(path.slide).base
    return {
      origin: path,
      name: `${name} at ${path.region.x}, ${path.region.y}`,
      label,
      part: 'train',
      slide: name,
    }
  })
  const labels = options.classes.map((className, index): LabelUse => {
    return { label: className, className, tiles: files.filter(({ label }) => label === index).length }
  })
  return { tiles, hasParts: false, otherFiles, labels, slides }
}
