import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createRandom } from '@tessera/shared/random'
import { assessTiles, type OpenTilesOptions, openTiles } from '@tessera/site-agent/data'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { noiseFolder, noisePixels, stainedPixels, writePng } from '../../support/tile-files.ts'

const classes = ['normal', 'tumor']
const open = (dir: string, more: Partial<OpenTilesOptions> = {}) =>
  openTiles({ dir, classes, sizePx: 16, ...more })

/** A manifest of so many tiles, each of a patient of its own, with a part or without. */
async function manifest(
  parts: readonly string[] | number,
  pixelsOf = (seed: string, size: number) => stainedPixels(seed, size),
): Promise<string> {
  const dir = await temporaryFolder()
  const isDivided = typeof parts !== 'number'
  const lines = [isDivided ? 'path,label,patient,split' : 'path,label,patient']
  for (const [i, part] of (isDivided ? parts : Array.from({ length: parts }, () => '')).entries()) {
    await writePng(join(dir, `${i}.png`), pixelsOf(`tile ${i}`, 16), 16)
    lines.push(`${i}.png,${classes[i % 2]},patient ${i}${isDivided ? `,${part}` : ''}`)
  }
  const file = join(dir, 'tiles.csv')
  await writeFile(file, `${lines.join('\n')}\n`)
  return file
}

const SIX = ['train', 'train', 'train', 'train', 'test', 'test']

describe('openTiles() of data in parts', () => {
  test('opens what is to be trained on, and another part when asked', async () => {
    const dir = await manifest(SIX)
    const train = await open(dir)
    expect([train.count, train.classCounts]).toEqual([4, [2, 2]])
    expect(train.report).toMatchObject({ tiles: 4, parts: { train: 4, val: 0, test: 2 }, nearDuplicates: 0 })
    const test = await open(dir, { part: 'test', purpose: 'evaluation' })
    expect(test.count).toBe(2)
    const bits = async (source: typeof test) => {
      for await (const { images } of source.batches({ random: null, batchSize: 4, augment: 'none' }))
        return images.slice()
      return null
    }
    expect(await bits(test)).toEqual(await bits(await open(dir, { part: 'test', memoryBudgetBytes: 0 })))
    await expect(open(dir, { part: 'val' })).rejects.toMatchObject({ code: 'ERR_DATA_CLASS_EMPTY' })
  })

  test('reads folders of parts that hold folders of classes', async () => {
    const dir = await noiseFolder({ 'train/normal': 2, 'train/tumor': 2, 'Validation/tumor': 1 }, 16)
    await mkdir(join(dir, 'test'))
    expect((await open(dir)).report).toMatchObject({ tiles: 4, parts: { train: 4, val: 1, test: 0 } })
    await rename(join(dir, 'train', 'tumor'), join(dir, 'train', 'tumour'))
    await expect(open(dir)).rejects.toMatchObject({ code: 'ERR_DATA_CLASSES' })
    expect((await open(dir, { labelMap: new Map([['tumour', 'tumor']]) })).count).toBe(4)
  })

  test('takes a folder named as a part for a class when the study has such a class', async () => {
    const dir = await noiseFolder({ test: 2, train: 3 }, 16)
    const source = await openTiles({ dir, classes: ['test', 'train'], sizePx: 16 })
    expect([source.classCounts, source.report.parts]).toEqual([[2, 3], null])
  })

  test('divides by patient when asked, the same way each time', async () => {
    const dir = await manifest(20)
    const split = { shares: { train: 0.6, val: 0.2, test: 0.2 }, by: 'auto', seed: 's' } as const
    expect((await open(dir)).count).toBe(20)
    const { report } = await open(dir, { split })
    expect(report.parts).toEqual({ train: 12, val: 4, test: 4 })
    expect((await open(dir, { split })).report).toEqual(report)
  })

  test('refuses a patient in two parts, a copy, and a copy that was stored again and turned', async () => {
    const dir = await manifest(SIX)
    const [first, last] = ['0.png', '5.png'].map((name) => join(dir, '..', name)) as [string, string]
    const shared = 'path,label,patient,split\n0.png,normal,P,train\n1.png,tumor,Q,train\n4.png,tumor,P,test\n'
    await writeFile(join(dir, '..', 'shared.csv'), shared)
    await expect(open(join(dir, '..', 'shared.csv'))).rejects.toMatchObject({
      code: 'ERR_DATA_LEAKAGE',
      message: expect.stringMatching(/got pairs of tiles that do: 1 by patient$/),
    })
    await sharp(first).png().toFile(last)
    await expect(open(dir)).rejects.toMatchObject({ message: expect.stringContaining('1 by duplicate') })
    const again = await sharp(first).rotate(90).linear(1.05).png().toBuffer()
    await writeFile(last, again)
    await expect(open(dir)).rejects.toMatchObject({
      message: expect.stringMatching(/: 1 by near-duplicate$/),
    })
    expect((await open(dir, { nearBits: null })).count).toBe(4)
  })
})

describe('openTiles() with a stain', () => {
  const images = async (
    dir: string,
    augment: 'none' | 'flips-and-site-stain',
    more: Partial<OpenTilesOptions>,
  ) => {
    const source = await open(dir, more)
    const random = augment === 'none' ? null : createRandom('s')
    const all: Float32Array[] = []
    for await (const batch of source.batches({ random, batchSize: 8, augment }))
      all.push(batch.images.slice())
    return all
  }

  test('normalises every batch, with the same bits on any number of threads, in memory or not', async () => {
    const dir = await manifest(20)
    const want = await images(dir, 'none', { stain: 'macenko' })
    expect(want).not.toEqual(await images(dir, 'none', {}))
    for (const more of [{ workers: 2 }, { memoryBudgetBytes: 0 }]) {
      expect(await images(dir, 'none', { stain: 'macenko', ...more })).toEqual(want)
    }
  })

  test('brings two sites with different stains near each other', async () => {
    const other = (seed: string, size: number) =>
      stainedPixels(seed, size, [0.9, 0.7, 0.2], [0.05, 0.6, 0.25])
    const [a, b] = [await manifest(20), await manifest(20, other)]
    const apart = async (stain: 'macenko' | undefined) => {
      const [x, y] = [await images(a, 'none', { stain }), await images(b, 'none', { stain })].map((all) =>
        all.flatMap((batch) => [...batch]),
      ) as [number[], number[]]
      return x.reduce((sum, value, i) => sum + Math.abs(value - (y[i] as number)), 0) / x.length
    }
    expect(await apart('macenko')).toBeLessThan((await apart(undefined)) / 2)
  })

  test('varies tiles along the site’s own stain', async () => {
    const dir = await manifest(20)
    const fitted = await images(dir, 'flips-and-site-stain', { isStainFitted: true })
    expect(fitted).not.toEqual(
      await images(dir, 'flips-and-site-stain', { isStainFitted: true, stain: 'macenko' }),
    )
    expect(await images(dir, 'flips-and-site-stain', { isStainFitted: true, workers: 2 })).toEqual(fitted)
  })

  test('refuses a site without tissue with ERR_DATA_STAIN', async () => {
    const dir = await manifest(4, (seed, size) => noisePixels(seed, size).map((value) => 230 + (value % 20)))
    await expect(open(dir, { stain: 'macenko' })).rejects.toMatchObject({ code: 'ERR_DATA_STAIN' })
    expect((await open(dir)).count).toBe(4)
  })
})

describe('assessTiles()', () => {
  test('tells all of it in one reading: counts, names, qualities, and the tiles to train on', async () => {
    const dir = await manifest(SIX)
    const reads: number[] = []
    const found = await assessTiles({
      dir,
      classes,
      sizePx: 16,
      onRead: (done, total) => reads.push(done, total),
    })
    expect(found).toMatchObject({ fault: null, report: { tiles: 4 }, named: { skipped: [], leaks: [] } })
    expect(found.tiles?.count).toBe(4)
    expect(reads).toEqual([1, 6, 2, 6, 3, 6, 4, 6, 5, 6, 6, 6])
    const { quality } = found
    expect(quality?.classes.map(({ name, tiles }) => [name, tiles])).toEqual([
      ['normal', 3],
      ['tumor', 3],
    ])
    expect(quality?.sharpness.counts.reduce((sum, count) => sum + count)).toBe(6)
    expect(quality?.background.counts.reduce((sum, count) => sum + count)).toBe(6)
  })

  test('names pairs and skipped tiles, says why training would refuse, and gives no tiles', async () => {
    const dir = await manifest(SIX)
    await sharp(join(dir, '..', '1.png'))
      .png()
      .toFile(join(dir, '..', '4.png'))
    await writeFile(join(dir, '..', '3.png'), 'no image')
    const found = await assessTiles({ dir, classes, sizePx: 16 })
    expect(found.tiles).toBeNull()
    expect(found.fault).toMatchObject({ code: 'ERR_DATA_TOO_MANY_BAD' })
    expect(found.named).toEqual({
      skipped: [{ name: '3.png', reason: 'ERR_DATA_TILE_UNREADABLE' }],
      leaks: [{ kind: 'duplicate', distance: 0, first: '1.png (train)', second: '4.png (test)' }],
      nearDuplicates: [],
      isCut: false,
    })
    expect((await assessTiles({ dir, classes, sizePx: 16, maxBadShare: 0.5 })).fault).toMatchObject({
      code: 'ERR_DATA_LEAKAGE',
    })
  })

  test('groups stains by scanner, and names none', async () => {
    const dir = await manifest(40)
    const text = [
      'path,label,scanner',
      ...Array.from({ length: 40 }, (_, i) => `${i}.png,${classes[i % 2]},Scanner ${i % 2}`),
    ]
    await writeFile(join(dir, '..', 'scanners.csv'), text.join('\n'))
    const { quality } = await assessTiles({ dir: join(dir, '..', 'scanners.csv'), classes, sizePx: 16 })
    expect(quality?.stains.map(({ scanner, tiles }) => [scanner, tiles])).toEqual([
      [null, 40],
      [0, 20],
      [1, 20],
    ])
    expect(quality?.stains[0]?.stain?.haematoxylin[0]).toBeGreaterThan(0.5)
    expect(JSON.stringify(quality)).not.toContain('Scanner')
  })

  test('counts blurred and empty tiles', async () => {
    const dir = await noiseFolder({ normal: 5, tumor: 5 }, 16)
    await sharp(join(dir, 'tumor', '0.png'))
      .blur(3)
      .toFile(join(dir, 'tumor', 'x.png'))
    await writePng(join(dir, 'tumor', 'y.png'), new Uint8Array(16 * 16 * 3).fill(245), 16)
    const { quality } = await assessTiles({ dir, classes, sizePx: 16 })
    expect([quality?.blurred, quality?.empty]).toEqual([1, 1])
  })

  test('stops with ERR_INTERRUPTED', async () => {
    const stop = new AbortController()
    stop.abort()
    const dir = await manifest(SIX)
    await expect(assessTiles({ dir, classes, sizePx: 16, signal: stop.signal })).rejects.toMatchObject({
      code: 'ERR_INTERRUPTED',
    })
  })
})
