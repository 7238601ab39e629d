/**
 * @file A slide in MIRAX's format: a .mrxs file, and a folder of the same name with the fields, an index and the pictures of the camera. The one format
 * whose slides say which part of them was scanned.
 *
 * Source: https://openslide.org/formats/mirax/
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'

const ID = '0123456789ABCDEF0123456789ABCDEF'

export interface MiraxSlide {
  /** Camera fields across and down. */
  readonly across: number
  readonly down: number
  readonly sizePx: number
  readonly micronsPerPixel: number
  /** Those that were scanned, by column and row, each of one colour. */
  readonly fields: readonly { column: number; row: number; colour: readonly [number, number, number] }[]
}

/** Writes `dir/name.mrxs` and `dir/name/`. */
export async function writeMirax(dir: string, name: string, slide: MiraxSlide): Promise<void> {
  const { across, down, sizePx, micronsPerPixel, fields } = slide
  await mkdir(join(dir, name))
  await writeFile(join(dir, `${name}.mrxs`), '')
  await writeFile(
    join(dir, name, 'Slidedat.ini'),
    `[GENERAL]
SLIDE_VERSION = 01.02
SLIDE_ID = ${ID}
IMAGENUMBER_X = ${across}
IMAGENUMBER_Y = ${down}
OBJECTIVE_MAGNIFICATION = 20
CameraImageDivisionsPerSide = 1
[HIERARCHICAL]
HIER_COUNT = 1
NONHIER_COUNT = 0
INDEXFILE = Index.dat
HIER_0_NAME = Slide zoom level
HIER_0_COUNT = 1
HIER_0_VAL_0_SECTION = LEVEL_0
[DATAFILE]
FILE_COUNT = 1
FILE_0 = Data0000.dat
[LEVEL_0]
OVERLAP_X = 0
OVERLAP_Y = 0
MICROMETER_PER_PIXEL_X = ${micronsPerPixel}
MICROMETER_PER_PIXEL_Y = ${micronsPerPixel}
IMAGE_FORMAT = JPEG
IMAGE_CONCAT_FACTOR = 0
IMAGE_FILL_COLOR_BGR = 16777215
DIGITIZER_WIDTH = ${sizePx}
DIGITIZER_HEIGHT = ${sizePx}
`,
  )
  const pictures = await Promise.all(
    fields.map(({ colour: [r, g, b] }) =>
      sharp({ create: { width: sizePx, height: sizePx, channels: 3, background: { r, g, b } } })
        .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
        .toBuffer(),
    ),
  )
  await writeFile(join(dir, name, 'Data0000.dat'), Buffer.concat(pictures))
  let offset = 0
  const entries = fields.flatMap(({ column, row }, i) => {
    const length = pictures[i]?.length ?? 0
    offset += length
    return [row * across + column, offset - length, length, 0]
  })
  const head = Buffer.from(`01.02${ID}`)
  // Two roots; the first leads to the level's pointer, that to an empty page, that to the page of entries.
  const at = (words: number): number => head.length + words * 4
  const words = [at(2), 0, at(3), 0, at(5), fields.length, 0, ...entries]
  const index = Buffer.alloc(words.length * 4)
  for (const [i, word] of words.entries()) index.writeInt32LE(word, i * 4)
  await writeFile(join(dir, name, 'Index.dat'), Buffer.concat([head, index]))
}
