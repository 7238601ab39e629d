/**
 * @file Cuts tiles to one field and one size, so that a pixel means the same number of micrometres at every site.
 *
 * With the size of pixels known for all, each tile is cut at its centre to the smallest field (side × micrometres per pixel) that any data set
 * has; otherwise to its largest square. Then it is scaled to the study's size (Lanczos, a = 3).
 */
import { TesseraError } from '@tessera/shared/errors'
import sharp from 'sharp'
import type { FileTile, SourceTile } from './source-tiles.ts'

/** Side of what is cut out, by data set. */
export interface Scale {
  /** Field of every cut in micrometres; null when unknown. */
  readonly fieldMicrons: number | null
  /** Micrometres per pixel after scaling; null when unknown. */
  readonly micronsPerPx: number | null
}

/** Files measured at the same time: libuv's threads. */
const PARALLEL = 8

/** The common field of all file tiles. A file that cannot be read does not count; {@link cutTile} will refuse it. */
export async function commonScale(tiles: readonly SourceTile[], tilePx: number): Promise<Scale> {
  const files = tiles.flatMap(({ picture }) => (picture.kind === 'file' ? [picture] : []))
  let field = Number.POSITIVE_INFINITY
  for (let start = 0; start < files.length; start += PARALLEL) {
    const sides = await Promise.all(files.slice(start, start + PARALLEL).map(fieldOf))
    for (const side of sides) field = side === null ? field : Math.min(field, side)
  }
  const known =
    files.length > 0 && files.every((file) => file.micronsPerPx !== null) && Number.isFinite(field)
  return known
    ? { fieldMicrons: field, micronsPerPx: field / tilePx }
    : { fieldMicrons: null, micronsPerPx: null }
}

async function fieldOf({ path, micronsPerPx }: FileTile): Promise<number | null> {
  if (micronsPerPx === null) return null
  const size = await sharp(path)
    .metadata()
    .catch(() => null)
  return size === null ? null : Math.min(size.width, size.height) * micronsPerPx
}

/**
 * Gives a file's tile as PNG.
 * @throws {TesseraError} ERR_DATA_TILE_UNREADABLE; ERR_DATA_TILE_NOT_RGB when it is grey, has 16 bits a channel or a transparent pixel.
 */
export async function cutTile(
  { path, micronsPerPx }: FileTile,
  { fieldMicrons }: Scale,
  tilePx: number,
): Promise<Uint8Array> {
  const image = sharp(path, { failOn: 'error', ignoreIcc: true })
  const header = await image.metadata().catch(unreadable)
  if (header.space !== 'srgb' || header.depth !== 'uchar' || header.channels < 3) {
    throw new TesseraError('ERR_DATA_TILE_NOT_RGB', `tile must have 8-bit RGB pixels, got ${header.space}`)
  }
  if (header.hasAlpha && !(await image.clone().stats().catch(unreadable)).isOpaque) {
    throw new TesseraError('ERR_DATA_TILE_NOT_RGB', 'tile must be opaque, got transparent pixels')
  }
  const shorter = Math.min(header.width, header.height)
  const wanted =
    fieldMicrons === null || micronsPerPx === null ? shorter : Math.round(fieldMicrons / micronsPerPx)
  const side = Math.max(1, Math.min(shorter, wanted))
  return image
    .removeAlpha()
    .extract({
      left: Math.floor((header.width - side) / 2),
      top: Math.floor((header.height - side) / 2),
      width: side,
      height: side,
    })
    .resize(tilePx, tilePx, { kernel: 'lanczos3', fastShrinkOnLoad: false })
    .png({ compressionLevel: 3 })
    .toBuffer()
    .catch(unreadable)
}

function unreadable(cause: unknown): never {
  throw new TesseraError('ERR_DATA_TILE_UNREADABLE', 'tile must decode without errors, got a broken file', {
    cause,
  })
}
