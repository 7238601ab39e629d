import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { openSlide } from '../../../../site-agent/data/wsi/slide.ts'
import { findTissue } from '../../../../site-agent/data/wsi/tissue.ts'
import { eosin, GLASS, type Picture, pixelsOf, writeSlide } from '../../../support/slide-files.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

/** Tissue in the right half. */
const HALF: Picture = { width: 300, height: 200, paint: (x, y) => (x < 150 ? GLASS : eosin(x, y)) }
const file = async (name = 'smith.tif'): Promise<string> => join(await temporaryFolder(), name)

describe('openSlide()', () => {
  test('tells levels and scale of a pyramid', async () => {
    const path = await file()
    await writeSlide(path, HALF, { micronsPerPixel: 0.25 })
    const slide = await openSlide(path)
    expect(
      slide.levels.map(({ width, height, downsample }) => [width, height, Math.round(downsample)]),
    ).toEqual([
      [300, 200, 1],
      [150, 100, 2],
      [75, 50, 4],
      [37, 25, 8],
    ])
    expect(slide.scale?.x).toBeCloseTo(0.25, 6)
    expect(slide.scanned).toEqual({ x: 0, y: 0, width: 300, height: 200 })
    slide.close()
  })

  test('reads a region’s pixels as they are stored', async () => {
    const path = await file()
    await writeSlide(path, HALF)
    const slide = await openSlide(path)
    const region = { left: 130, top: 40, width: 90, height: 70 }
    const want = await sharp(pixelsOf(HALF), { raw: { width: 300, height: 200, channels: 3 } })
      .extract(region)
      .raw()
      .toBuffer()
    const got = await slide.read({ level: 0, x: 130, y: 40, width: 90, height: 70 })
    expect(Buffer.from(got).equals(want)).toBe(true)
    slide.close()
  })

  test('is white beyond the edge', async () => {
    const path = await file()
    await writeSlide(path, { width: 64, height: 64, paint: () => [9, 9, 9] })
    const slide = await openSlide(path)
    const row = await slide.read({ level: 0, x: 62, y: 0, width: 4, height: 1 })
    expect([...row]).toEqual([9, 9, 9, 9, 9, 9, 255, 255, 255, 255, 255, 255])
    slide.close()
  })

  test('has no scale where the file says none that can be', async () => {
    const path = await file()
    await writeSlide(path, HALF, { micronsPerPixel: null })
    const slide = await openSlide(path)
    expect(slide.scale).toBeNull()
    slide.close()
  })

  test.each([
    ['text', 'no slide at all', 'another file'],
    ['nothing', '', 'another file'],
    ['a TIFF without its pixels', null, 'a broken file'],
  ])('refuses %s with ERR_SLIDE_UNREADABLE and without its path', async (_, text, got) => {
    const path = await file()
    if (text === null) {
      await writeSlide(path, HALF)
      const bytes = await readFile(path)
      // The pixels are gone, the list of pages is not.
      bytes.fill(0, 8, bytes.readUInt32LE(4))
      await writeFile(path, bytes)
    } else await writeFile(path, text)
    const failed = openSlide(path).then(async (slide) => {
      try {
        return await slide.read({ level: 0, x: 0, y: 0, width: 64, height: 64 })
      } finally {
        slide.close()
      }
    })
    await expect(failed).rejects.toMatchObject({
      code: 'ERR_SLIDE_UNREADABLE',
      message: `slide must be one that libopenslide can read, got ${got}`,
    })
  })

  test('refuses a file that is not there as it refuses any other', async () => {
    await expect(openSlide('/no/such/smith.svs')).rejects.toMatchObject({
      code: 'ERR_SLIDE_UNREADABLE',
      message: expect.not.stringContaining('smith'),
    })
  })

  test('refuses blocks that would fill the memory with ERR_SLIDE_TOO_LARGE', async () => {
    const path = await file()
    await writeSlide(path, HALF, { pyramid: false })
    const bytes = await readFile(path)
    for (const tag of [TILE_WIDTH, TILE_LENGTH]) setTag(bytes, tag, 65_520)
    await writeFile(path, bytes)
    await expect(openSlide(path)).rejects.toMatchObject({
      code: 'ERR_SLIDE_TOO_LARGE',
      message: 'slide must have blocks of at most 16777216 pixels, got 65520 x 65520 pixels',
    })
  })

  test('refuses to read after it is closed, and more than a region may have', async () => {
    const path = await file()
    await writeSlide(path, HALF)
    const slide = await openSlide(path)
    const region = { level: 0, x: 0, y: 0, width: 8, height: 8 }
    await expect(slide.read({ ...region, width: 5000, height: 5000 })).rejects.toMatchObject({
      code: 'ERR_INTERNAL',
    })
    await expect(slide.read({ ...region, level: 9 })).rejects.toMatchObject({ code: 'ERR_INTERNAL' })
    slide.close()
    slide.close()
    await expect(slide.read(region)).rejects.toThrow('slide must be open')
  })
})

describe('findTissue()', () => {
  test('finds the half of a slide that is tissue, in cells of at most 8 µm', async () => {
    const path = await file()
    await writeSlide(path, HALF, { micronsPerPixel: 1 })
    const slide = await openSlide(path)
    const mask = await findTissue(slide, { x: 1, y: 1 })
    slide.close()
    expect(mask.cellSide).toBeGreaterThan(4)
    expect(mask.cellSide).toBeLessThanOrEqual(8.8)
    const middle = Math.floor(mask.rows / 2)
    const row = mask.cells.subarray(middle * mask.columns, (middle + 1) * mask.columns)
    const wrong = row.filter((cell, column) => (cell === 1) !== (column + 0.5) * mask.cellSide > 150)
    expect(wrong.length).toBeLessThanOrEqual(1)
  })

  test('reads a slide without coarse levels in blocks, to the same cells', async () => {
    // Two blocks in each direction.
    const tall: Picture = { width: 2100, height: 2100, paint: (x, y) => (x + y < 2100 ? GLASS : eosin(x, y)) }
    const path = await file()
    await writeSlide(path, tall, { micronsPerPixel: 4, pyramid: false })
    const slide = await openSlide(path)
    const mask = await findTissue(slide, { x: 4, y: 4 })
    slide.close()
    expect([mask.columns, mask.rows, mask.cellSide]).toEqual([1050, 1050, 2])
    const wrong = mask.cells.filter((cell, i) => (cell === 1) !== (i % 1050) + Math.floor(i / 1050) >= 1050)
    // The 3 x 3 majority may move the slanted edge by a cell.
    expect(wrong.length).toBeLessThanOrEqual(2 * 1050)
  })
})

const [TILE_WIDTH, TILE_LENGTH] = [322, 323]

/** Sets a number in the first directory of a little-endian TIFF. */
function setTag(bytes: Buffer, tag: number, value: number): void {
  const directory = bytes.readUInt32LE(4)
  for (let i = 0; i < bytes.readUInt16LE(directory); i++) {
    const entry = directory + 2 + i * 12
    if (bytes.readUInt16LE(entry) === tag) bytes.writeUInt32LE(value, entry + 8)
  }
}
