import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openTiles } from '@tessera/site-agent/data'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { noiseFolder, noisePixels, writePng } from '../../support/tile-files.ts'

const classes = ['normal', 'tumor']
const open = (dir: string, more = {}) => openTiles({ dir, classes, sizePx: 8, ...more })

describe('openTiles()', () => {
  test('reads PNG and JPEG by content, whatever the case of the ending', async () => {
    const dir = await noiseFolder({ normal: 2, tumor: 1 })
    const pixels = noisePixels('jpeg', 8)
    await sharp(pixels, { raw: { width: 8, height: 8, channels: 3 } })
      .jpeg()
      .toFile(join(dir, 'tumor', 'b.JPG'))
    await copyFile(join(dir, 'tumor', 'b.JPG'), join(dir, 'normal', 'named.jpeg'))
    const { report, count, classCounts } = await open(dir)
    expect({ count, classCounts }).toEqual({ count: 5, classCounts: [3, 2] })
    expect(report).toMatchObject({ tiles: 5, duplicates: 1, contradictions: 1, resized: 0, inMemory: true })
  })

  test('ignores hidden entries and counts other files', async () => {
    const dir = await noiseFolder({ normal: 2, tumor: 2 })
    await mkdir(join(dir, '.cache'))
    await writeFile(join(dir, 'notes.txt'), 'beside the classes')
    await writeFile(join(dir, 'tumor', '.DS_Store'), 'x')
    await writeFile(join(dir, 'tumor', '._0.png'), 'x')
    await writeFile(join(dir, 'tumor', 'slide.svs'), 'x')
    expect((await open(dir)).report).toMatchObject({ tiles: 4, otherFiles: 1 })
  })

  test('has the parts that are not trained on beside it, with the same pixels as when they are opened alone', async () => {
    const dir = await noiseFolder({ 'train/normal': 3, 'train/tumor': 2, 'val/normal': 1, 'val/tumor': 2 })
    const { count, heldOut } = await open(dir)
    expect([count, heldOut.val.count, heldOut.test.count]).toEqual([5, 3, 0])
    expect(heldOut.val.classCounts).toEqual([1, 2])
    const pixels = async (tiles: typeof heldOut.val) => {
      const all: number[] = []
      for await (const { images, size } of tiles.batches({ random: null, batchSize: 2, augment: 'none' }))
        all.push(...images.subarray(0, size * 8 * 8 * 3))
      return all
    }
    const alone = await open(dir, { part: 'val', purpose: 'evaluation' })
    expect(await pixels(heldOut.val)).toEqual(await pixels(alone))
  })

  test('of data that are not divided holds nothing out', async () => {
    const { count, heldOut } = await open(await noiseFolder({ normal: 2, tumor: 2 }))
    expect([count, heldOut.val.count, heldOut.test.count]).toEqual([4, 0, 0])
  })

  test('follows a class folder that is a link', async () => {
    const dir = await noiseFolder({ normal: 2 })
    const elsewhere = await noiseFolder({ tumor: 3 })
    await symlink(join(elsewhere, 'tumor'), join(dir, 'tumor'))
    expect((await open(dir)).classCounts).toEqual([2, 3])
  })

  test('scales another size to the study’s and cuts at the centre', async () => {
    const dir = await noiseFolder({ normal: 1 })
    const wide = sharp({ create: { width: 32, height: 16, channels: 3, background: '#000' } })
    const white = await sharp({ create: { width: 16, height: 16, channels: 3, background: '#fff' } })
      .png()
      .toBuffer()
    await mkdir(join(dir, 'tumor'))
    await wide
      .composite([{ input: white, left: 8, top: 0 }])
      .png()
      .toFile(join(dir, 'tumor', 'wide.png'))
    const tiles = await open(dir)
    expect(tiles.report.resized).toBe(1)
    for await (const batch of tiles.batches({ random: null, batchSize: 8, augment: 'none' })) {
      const centre = 8 * 8 * 3 + (4 * 8 + 4) * 3
      // White in the middle: (1 − 0.485) / 0.229.
      expect(batch.images[centre]).toBeCloseTo(2.2489, 3)
    }
  })

  test('drops an opaque alpha channel', async () => {
    const dir = await noiseFolder({ normal: 1, tumor: 1 })
    const pixels = noisePixels('opaque', 8, 4).map((value, i) => (i % 4 === 3 ? 255 : value))
    await writePng(join(dir, 'tumor', 'opaque.png'), pixels, 8, 4)
    expect((await open(dir)).count).toBe(3)
  })

  test('names missing and extra class folders with ERR_DATA_CLASSES', async () => {
    const dir = await noiseFolder({ normal: 1, tumour: 1 })
    await expect(open(dir)).rejects.toMatchObject({
      code: 'ERR_DATA_CLASSES',
      message:
        'data must have one folder for each of normal, tumor, got no folder for tumor and folders that are no class of the study: tumour',
    })
  })

  test('never opens a class name that the folder did not list', async () => {
    const dir = await noiseFolder({ normal: 1, tumor: 1 })
    await expect(open(dir, { classes: ['normal', 'tumor', '../tumor'] })).rejects.toMatchObject({
      code: 'ERR_DATA_CLASSES',
    })
  })

  test('refuses a folder that is not there with ERR_DATA_FOLDER and without its path', async () => {
    const error = await open('/no/such/patient').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_DATA_FOLDER' })
    expect(String(error)).not.toContain('patient')
  })

  test('refuses an empty class with ERR_DATA_CLASS_EMPTY, unless missing classes are allowed', async () => {
    const dir = await noiseFolder({ normal: 2, tumor: 2, stroma: 0 })
    const options = { classes: ['normal', 'stroma', 'tumor'] }
    await expect(open(dir, options)).rejects.toMatchObject({
      code: 'ERR_DATA_CLASS_EMPTY',
      message: 'class stroma must have at least 1 .png, .jpg or .jpeg file, got 0 other files',
    })
    const skewed = await open(dir, { ...options, allowMissingClasses: true })
    expect(skewed.classCounts).toEqual([2, 0, 2])
    expect(skewed.report.missingClasses).toEqual(['stroma'])
  })

  test('refuses a class whose only tile is broken', async () => {
    const dir = await noiseFolder({ normal: 2, tumor: 0 })
    await writeFile(join(dir, 'tumor', 'a.png'), 'no image')
    await expect(open(dir, { maxBadShare: 1 })).rejects.toMatchObject({ code: 'ERR_DATA_CLASS_EMPTY' })
  })

  test('refuses one class alone with ERR_DATA_ONE_CLASS, except for evaluation', async () => {
    const dir = await noiseFolder({ normal: 2, tumor: 0 })
    const skewed = { allowMissingClasses: true }
    await expect(open(dir, skewed)).rejects.toMatchObject({
      code: 'ERR_DATA_ONE_CLASS',
      message: 'data must have tiles of at least 2 classes, got only normal',
    })
    expect((await open(dir, { ...skewed, purpose: 'evaluation' })).count).toBe(2)
    const empty = await noiseFolder({ normal: 0, tumor: 0 })
    await expect(open(empty, { ...skewed, purpose: 'evaluation' })).rejects.toMatchObject({
      code: 'ERR_DATA_CLASS_EMPTY',
    })
  })

  test('skips and counts bad tiles by reason', async () => {
    const dir = await noiseFolder({ normal: 4, tumor: 4 })
    const bad = join(dir, 'tumor')
    await writePng(join(bad, 'grey.png'), noisePixels('grey', 8, 1), 8, 1)
    await writePng(join(bad, 'clear.png'), noisePixels('clear', 8, 4), 8, 4)
    await sharp(noisePixels('deep', 8), { raw: { width: 8, height: 8, channels: 3 } })
      .toColourspace('rgb16')
      .png()
      .toFile(join(bad, 'deep.png'))
    await sharp(noisePixels('cmyk', 8), { raw: { width: 8, height: 8, channels: 3 } })
      .toColourspace('cmyk')
      .jpeg()
      .toFile(join(bad, 'cmyk.jpg'))
    await writeFile(join(bad, 'vector.png'), '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>')
    const whole = await sharp(noisePixels('cut', 64), { raw: { width: 64, height: 64, channels: 3 } })
      .jpeg()
      .toBuffer()
    await writeFile(join(bad, 'cut.jpg'), whole.subarray(0, whole.length / 2))
    await sharp({ create: { width: 5000, height: 5000, channels: 3, background: '#fff' } })
      .png()
      .toFile(join(bad, 'bomb.png'))

    const seen: string[] = []
    const onSkipped = (path: string, reason: string) => seen.push(`${path.slice(bad.length + 1)} ${reason}`)
    const tiles = await open(dir, { maxBadShare: 0.5, onSkipped })
    expect(tiles.count).toBe(8)
    expect(tiles.skipped).toBe(7)
    expect(tiles.report.skipped).toEqual({
      ERR_DATA_TILE_UNREADABLE: 2,
      ERR_DATA_TILE_NOT_RGB: 4,
      ERR_DATA_TILE_TOO_LARGE: 1,
    })
    expect(seen).toEqual([
      'bomb.png ERR_DATA_TILE_TOO_LARGE',
      'clear.png ERR_DATA_TILE_NOT_RGB',
      'cmyk.jpg ERR_DATA_TILE_NOT_RGB',
      'cut.jpg ERR_DATA_TILE_UNREADABLE',
      'deep.png ERR_DATA_TILE_NOT_RGB',
      'grey.png ERR_DATA_TILE_NOT_RGB',
      'vector.png ERR_DATA_TILE_UNREADABLE',
    ])
  })

  test('stops with ERR_DATA_TOO_MANY_BAD above the set share', async () => {
    const dir = await noiseFolder({ normal: 10, tumor: 9 })
    await writeFile(join(dir, 'tumor', 'x.png'), 'no image')
    expect((await open(dir)).skipped).toBe(1)
    await writeFile(join(dir, 'tumor', 'y.png'), 'no image')
    await expect(open(dir)).rejects.toMatchObject({
      code: 'ERR_DATA_TOO_MANY_BAD',
      message: 'at most 5 % of 21 tiles must be bad, got 2 so far (ERR_DATA_TILE_UNREADABLE 2)',
    })
  })
})
