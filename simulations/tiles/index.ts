/** @file Procedural H&E tiles: seeded, by class and by scanner, with groups that stand for patients. */
import { createRandom } from '@tessera/shared/random'
import sharp from 'sharp'
import { createCanvas } from './canvas.ts'
import { type Scanner, scan, varySlide } from './scanner.ts'
import { drawPatient, type Grade, paintTissue } from './tissue.ts'

export { drawScanner, type Scanner, siteScanner } from './scanner.ts'
export { GRADES, type Grade } from './tissue.ts'

/** Side of a tile's field: one to two crypts, and nuclei of 3 to 6 px at 64 px. */
export const FIELD_MICRONS = 112

export interface TileRequest {
  /** Text on which all of the patient hangs: build, atypia, the day's staining. */
  readonly patient: string
  /** Number of the tile among the patient's. */
  readonly index: number
  readonly grade: Grade
  readonly scanner: Scanner
  readonly sizePx: number
}

/** Pixels of one tile before storage: `sizePx` × `sizePx` × RGB. The same request gives the same bytes. */
export function renderTile({ patient, index, grade, scanner, sizePx }: TileRequest): Uint8Array {
  const person = drawPatient(grade, createRandom(`${patient}/patient`))
  const slide = varySlide(scanner, createRandom(`${patient}/slide`))
  const random = createRandom(`${patient}/tile-${index}`)
  const zoom = Math.exp(random.normal(0, 0.06))
  const canvas = createCanvas(sizePx, FIELD_MICRONS * zoom, [random.integer(256), random.integer(256)])
  paintTissue(canvas, person, random)
  return scan(canvas, slide, random)
}

/** One tile as a PNG file, after the loss of the scanner's own JPEG. */
export async function tilePng(request: TileRequest): Promise<Uint8Array> {
  const side = request.sizePx
  const stored = await sharp(renderTile(request), { raw: { width: side, height: side, channels: 3 } })
    .jpeg({ quality: request.scanner.jpegQuality })
    .toBuffer()
  return sharp(stored).png({ compressionLevel: 3 }).toBuffer()
}
