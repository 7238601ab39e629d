import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createRandom } from '@tessera/shared/random'
import { assessTiles, openTiles } from '@tessera/site-agent/data'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { writeMirax } from '../../../support/mirax-files.ts'
import { eosin, GLASS, type Picture, pixelsOf, writeSlide } from '../../../support/slide-files.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

const SIZE = 32
const classes = ['normal', 'tumour']
const open = (dir: string, more = {}) => openTiles({ dir, classes, sizePx: SIZE, workers: 0, ...more })

/** 8 x 6 tiles, of which the right 4 columns are tissue. */
const slide = (seed: number): Picture => ({
  width: 8 * SIZE,
  height: 6 * SIZE,
  paint: (x, y) => (x < 4 * SIZE ? GLASS : eosin(x + seed * 1000, y)),
})
const annotation = (name: string, left: number, top: number, right: number, bottom: number) => ({
  type: 'Feature',
  geometry: {
    type: 'Polygon',
    coordinates: [
      [
        [left, top],
        [right, top],
        [right, bottom],
        [left, bottom],
      ],
    ],
  },
  properties: { objectType: 'annotation', classification: { name } },
})
const collection = (...features: unknown[]) => JSON.stringify({ type: 'FeatureCollection', features })

/** Two slides; tumour drawn over the upper half of the first. */
async function slideFolder(settings = 'classes: {Tumor: tumour}\nunannotated: normal'): Promise<string> {
  const dir = await temporaryFolder()
  await writeSlide(join(dir, 'a.tif'), slide(1))
  await writeSlide(join(dir, 'b.tif'), slide(2))
  await writeFile(
    join(dir, 'a.geojson'),
    collection(annotation('Tumor', 0, 0, 8 * SIZE, 3 * SIZE), { type: 'Feature', geometry: null }),
  )
  await writeFile(join(dir, 'slides.yaml'), settings)
  return dir
}

/** Bits of two epochs. */
async function epochs(dir: string, more: object): Promise<string> {
  const tiles = await open(dir, more)
  const random = createRandom('slides')
  const parts: Uint8Array[] = []
  for (let epoch = 0; epoch < 2; epoch++) {
    for await (const { images, labels } of tiles.batches({ random, batchSize: 5, augment: 'flips' })) {
      parts.push(
        Buffer.from(new Uint8Array(images.buffer, images.byteOffset, images.byteLength)),
        Buffer.from(labels),
      )
    }
  }
  return Buffer.concat(parts).toString('base64')
}

describe('openTiles() on a folder of slides', () => {
  test('cuts tissue into tiles, labelled by what was drawn', async () => {
    const { count, classCounts, report } = await open(await slideFolder())
    expect({ count, classCounts }).toEqual({ count: 48, classCounts: [36, 12] })
    expect(report).toMatchObject({
      tiles: 48,
      duplicates: 0,
      resized: 0,
      otherFiles: 0,
      inMemory: true,
      slides: { slides: 2, withTissue: 48, bare: 0, unclear: 0, leftOut: 0, ignored: 1 },
    })
  })

  test('gives the very pixels of the slide, in the order of slides and rows', async () => {
    const dir = await slideFolder()
    const tiles = await open(dir, { memoryBudgetBytes: 0 })
    const whole = sharp(pixelsOf(slide(1)), { raw: { width: 8 * SIZE, height: 6 * SIZE, channels: 3 } })
    const tile = await whole
      .extract({ left: 5 * SIZE, top: 0, width: SIZE, height: SIZE })
      .raw()
      .toBuffer()
    for await (const { images } of tiles.batches({ random: null, batchSize: 4, augment: 'none' })) {
      const second = images.subarray(SIZE * SIZE * 3, 2 * SIZE * SIZE * 3)
      for (const i of [0, 300, 3069]) {
        expect(second[i]).toBeCloseTo(((tile[i] as number) / 255 - 0.485) / 0.229, 5)
      }
      break
    }
  })

  test('divides whole slides, and takes neither a label map nor columns', async () => {
    const dir = await slideFolder(
      'unannotated: normal\nclasses: {Tumor: tumour}\nslides: {b.tif: {unannotated: tumour}}',
    )
    const split = { shares: { train: 0.5, val: 0, test: 0.5 }, by: 'auto', seed: 's' }
    // The procedural texture repeats: its tiles are told apart by their pixels only.
    const common = { split, nearBits: null, allowMissingClasses: true, purpose: 'evaluation' }
    expect((await open(dir, common)).report.parts).toEqual({ train: 24, val: 0, test: 24 })
    await expect(open(dir, { labelMap: new Map([['a', 'normal']]) })).rejects.toMatchObject({
      code: 'ERR_USAGE',
    })
  })

  test('has the same bits for any number of threads, in memory or read each time', async () => {
    const dir = await slideFolder()
    const want = await epochs(dir, { workers: 0 })
    for (const workers of [1, 2]) {
      for (const memoryBudgetBytes of [0, 1e9]) {
        expect((await epochs(dir, { workers, memoryBudgetBytes })) === want).toBe(true)
      }
    }
  })

  test('scales tiles of a coarser scale from the next finer level', async () => {
    const { count, report } = await open(
      await slideFolder('micronsPerPixel: 1.5\nunannotated: normal\nclasses: {Tumor: tumour}'),
    )
    // 96 pixels of level 0 each: 2 x 2 places a slide, the left ones all glass but their edge.
    expect(count).toBe(report.resized)
    expect(report.slides).toMatchObject({ withTissue: 4 })
  })

  test('overlaps tiles with a smaller stride', async () => {
    const dir = await slideFolder(
      'stridePx: 16\nunannotated: normal\nclasses: {Tumor: tumour}\ntissueShare: 1',
    )
    expect((await open(dir)).report.slides?.withTissue).toBe(2 * 7 * 11)
  })

  test('does not use tissue that nothing was drawn on, or that is left out, or unclear', async () => {
    const dir = await slideFolder('classes: {Tumor: tumour}\nleaveOut: [Fold]\nlabelShare: 0.8')
    const polygons = [
      annotation('Tumor', 0, 0, 8 * SIZE, 2.5 * SIZE),
      annotation('Fold', 6 * SIZE, 0, 8 * SIZE, SIZE),
      annotation('normal', 4 * SIZE, 5 * SIZE, 8 * SIZE, 6 * SIZE),
    ]
    await writeFile(join(dir, 'a.geojson'), collection(...polygons))
    const { classCounts, report } = await open(dir)
    expect(classCounts).toEqual([4, 6])
    expect(report.slides).toMatchObject({ withTissue: 48, bare: 24 + 8, unclear: 4, leftOut: 2 })
  })

  test('names the classes that nobody has explained with ERR_SLIDE_CLASS', async () => {
    const dir = await slideFolder('unannotated: normal')
    await writeFile(join(dir, 'b.csv'), 'class,polygon,x,y\nNecrosis,1,0,0\nNecrosis,1,9,0\nNecrosis,1,9,9\n')
    await expect(open(dir)).rejects.toMatchObject({
      code: 'ERR_SLIDE_CLASS',
      message: "classes of annotations must be the study's or be named in slides.yaml, got Necrosis, Tumor",
    })
  })

  test('skips slides that cannot be used, and tells why on the operator’s screen only', async () => {
    const dir = await slideFolder()
    await writeFile(join(dir, 'c.svs'), 'no slide')
    await writeSlide(join(dir, 'd.tif'), slide(4), { micronsPerPixel: null })
    await writeSlide(join(dir, 'e.tif'), slide(5))
    await writeFile(join(dir, 'e.geojson'), '{')
    await writeSlide(join(dir, 'f.tif'), slide(6), { micronsPerPixel: 2 })
    const seen: string[] = []
    const onSkipped = (path: string, reason: string) => seen.push(`${basename(path)} ${reason}`)
    const { report } = await open(dir, { maxBadShare: 0.7, onSkipped })
    expect(report.slides).toMatchObject({
      slides: 2,
      skipped: {
        ERR_SLIDE_UNREADABLE: 1,
        ERR_SLIDE_SCALE: 2,
        ERR_SLIDE_TOO_LARGE: 0,
        ERR_SLIDE_ANNOTATION: 1,
      },
    })
    expect(seen).toEqual([
      'c.svs ERR_SLIDE_UNREADABLE',
      'd.tif ERR_SLIDE_SCALE',
      'e.tif ERR_SLIDE_ANNOTATION',
      'f.tif ERR_SLIDE_SCALE',
    ])
    await expect(open(dir)).rejects.toMatchObject({
      code: 'ERR_DATA_TOO_MANY_BAD',
      message:
        'at most 5 % of 6 slides must be bad, got 4 (ERR_SLIDE_UNREADABLE 1, ERR_SLIDE_SCALE 2, ERR_SLIDE_ANNOTATION 1)',
    })
  })

  test('takes the scale from slides.yaml where the file does not say', async () => {
    const dir = await slideFolder(
      'unannotated: normal\nclasses: {Tumor: tumour}\nslides: {c.tif: {scannedMicronsPerPixel: 0.5, unannotated: tumour}}',
    )
    await writeSlide(join(dir, 'c.tif'), slide(3), { micronsPerPixel: null })
    expect((await open(dir)).classCounts).toEqual([36, 12 + 24])
  })

  test('skips the tiles of a broken part, and goes on with the slide', async () => {
    const dir = await slideFolder()
    await breakLastBlocks(join(dir, 'b.tif'))
    const { report } = await open(dir, { maxBadShare: 0.6 })
    expect(report.slides?.slides).toBe(2)
    expect(report.skipped.ERR_DATA_TILE_UNREADABLE).toBeGreaterThan(0)
    expect(report.tiles + report.skipped.ERR_DATA_TILE_UNREADABLE).toBe(48)
    expect(report.tiles).toBeGreaterThan(24)
  })

  test('counts annotations of an .mrxs from the corner of what was scanned, as QuPath does', async () => {
    const dir = await temporaryFolder()
    const colour = [214, 120, 170] as const
    const at = [
      [2, 1],
      [3, 1],
      [3, 2],
    ] as const
    const fields = at.map(([column, row]) => ({ column, row, colour }))
    await writeMirax(dir, 'm', { across: 5, down: 4, sizePx: 2 * SIZE, micronsPerPixel: 0.5, fields })
    await writeFile(join(dir, 'm.geojson'), collection(annotation('tumour', 0, 0, 2 * SIZE, 2 * SIZE)))
    await writeFile(join(dir, 'slides.yaml'), 'unannotated: normal')
    const { classCounts, report } = await open(dir)
    // The corner of the scan that no field covers is glass.
    expect(classCounts).toEqual([8, 4])
    expect(report.slides?.withTissue).toBe(12)
  })

  test('is what a check of the folder sees', async () => {
    const { report, fault } = await assessTiles({ dir: await slideFolder(), classes, sizePx: SIZE })
    expect({ tiles: report?.tiles, slides: report?.slides?.slides, fault }).toEqual({
      tiles: 48,
      slides: 2,
      fault: null,
    })
  })

  test('is told from class folders beside which a picture lies', async () => {
    const dir = await temporaryFolder()
    await writeSlide(join(dir, 'overview.tif'), slide(1))
    for (const name of classes) await mkdir(join(dir, name))
    await expect(open(dir)).rejects.toMatchObject({ code: 'ERR_DATA_CLASS_EMPTY' })
  })
})

/** Damages the blocks of the lower half of the finest level. */
async function breakLastBlocks(path: string): Promise<void> {
  const bytes = await readFile(path)
  const directory = bytes.readUInt32LE(4)
  for (let i = 0; i < bytes.readUInt16LE(directory); i++) {
    const entry = directory + 2 + i * 12
    if (bytes.readUInt16LE(entry) !== 324) continue
    const [count, offsets] = [bytes.readUInt32LE(entry + 4), bytes.readUInt32LE(entry + 8)]
    for (let block = Math.floor(count / 2); block < count; block++) {
      const at = bytes.readUInt32LE(offsets + block * 4)
      bytes.fill(0xff, at, at + 8)
    }
  }
  await writeFile(path, bytes)
}
