import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { openTrainingParts, type TrainingPartsOptions } from '@tessera/site-agent/data'
import { describe, expect, test } from 'vitest'
import { npzFile } from '../../support/npz-file.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { noiseFolder, noisePixels, writePng } from '../../support/tile-files.ts'

const SIZE = 16
const classes = ['normal', 'tumor']
const OTHERWISE = { shares: { train: 0.5, val: 0.5, test: 0 }, by: 'auto', seed: 'seed' } as const
const open = (dir: string, more: Partial<TrainingPartsOptions> = {}) =>
  openTrainingParts({ dir, classes, sizePx: SIZE, otherwise: OTHERWISE, ...more })
const counts = async (...given: Parameters<typeof open>): Promise<number[]> => {
  const { training, validation } = await open(...given)
  return [training.count, validation.count]
}

interface Line {
  readonly patient: string
  readonly label?: string
  readonly split?: string
  /** Text that the pixels hang on; absent: the line's own. */
  readonly pixels?: string
}

/** A manifest of tiles by their patients. */
async function manifest(lines: readonly Line[]): Promise<string> {
  const dir = await temporaryFolder()
  const text = ['path,label,patient,split']
  for (const [i, { patient, label = classes[i % 2], split = '', pixels }] of lines.entries()) {
    await writePng(join(dir, `${i}.png`), noisePixels(pixels ?? `${dir} ${i}`, SIZE), SIZE)
    text.push(`${i}.png,${label},${patient},${split}`)
  }
  const file = join(dir, 'tiles.csv')
  const isDivided = lines.some(({ split }) => split !== undefined)
  const rows = isDivided ? text : text.map((row) => row.slice(0, row.lastIndexOf(',')))
  await writeFile(file, `${rows.join('\n')}\n`)
  return file
}

const patients = (...names: readonly string[]): Line[] => names.map((patient) => ({ patient }))

describe('openTrainingParts()', () => {
  test('keeps a patient whole where it divides, and the same tiles as batches', async () => {
    const file = await manifest(patients('a', 'a', 'b', 'b', 'c', 'c', 'd', 'd'))
    const { training, validation, report } = await open(file)
    expect([training.classCounts, validation.classCounts]).toEqual([
      [2, 2],
      [2, 2],
    ])
    expect(report.parts).toEqual({ train: 4, val: 4, test: 0 })
    const seen: string[] = []
    for (const source of [training, validation]) {
      for await (const { images, size } of source.batches({ random: null, batchSize: 3, augment: 'none' }))
        for (let i = 0; i < size; i++)
          seen.push(images.slice((i * images.length) / size, ((i + 1) * images.length) / size).join())
    }
    expect(new Set(seen).size).toBe(8)
  })
  test('takes the parts that the data say, and leaves test out', async () => {
    const split = (part: string, ...names: string[]) =>
      names.map((patient) => ({ patient, split: part }) satisfies Line)
    const file = await manifest([
      ...split('train', 'a', 'b', 'c', 'c'),
      ...split('val', 'd', 'd', 'd'),
      ...split('test', 'e'),
    ])
    expect(await counts(file)).toEqual([4, 3])
  })
  test('reads an .npz with its parts', async () => {
    const part = (name: string, count: number) => ({
      [`${name}_images`]: { shape: [count, SIZE, SIZE, 3], bytes: noisePixels(name, SIZE, 3 * count) },
      [`${name}_labels`]: {
        shape: [count, 1],
        bytes: Uint8Array.from({ length: count }, (_, i) => i % 2),
      },
    })
    const file = join(await temporaryFolder(), 'tiles.npz')
    await writeFile(file, npzFile({ ...part('train', 4), ...part('val', 2), ...part('test', 3) }))
    const labelMap = new Map([
      ['0', 'normal'],
      ['1', 'tumor'],
    ])
    expect(await counts(file, { labelMap })).toEqual([4, 2])
  })
  test('refuses data that name no patient, unless told that no two tiles are of one', async () => {
    const dir = await noiseFolder({ normal: 4, tumor: 4 }, SIZE)
    await expect(open(dir)).rejects.toMatchObject({
      code: 'ERR_DATA_SPLIT',
      message: expect.stringContaining('give --split-by tile if no two tiles are of one patient'),
    })
    expect(await counts(dir, { split: { ...OTHERWISE, by: 'tile' } })).toEqual([4, 4])
  })
  test('refuses a patient, and a picture, that are in both parts', async () => {
    const shared = (changes: Partial<Line>): Promise<string> =>
      manifest([
        ...patients('a', 'b').map((line) => ({ ...line, split: 'train', pixels: `of ${line.patient}` })),
        { patient: 'c', split: 'val', ...changes },
      ])
    for (const [changes, kind] of [
      [{ patient: 'a' }, 'patient'],
      [{ pixels: 'of b' }, 'duplicate'],
    ] as const) {
      await expect(open(await shared(changes))).rejects.toMatchObject({
        code: 'ERR_DATA_LEAKAGE',
        message: expect.stringContaining(`1 by ${kind}`),
      })
    }
  })
  test('takes other data to choose by, trains on all of its own, and finds what both share', async () => {
    const own = await manifest(patients('a', 'b', 'c'))
    expect(await counts(own, { valDir: await manifest(patients('d', 'e')) })).toEqual([3, 2])
    // Divided data: what they were set aside for.
    const divided = await manifest([
      { patient: 'd', split: 'train' },
      { patient: 'e', split: 'val' },
    ])
    expect(await counts(own, { valDir: divided })).toEqual([3, 1])
    await expect(open(own, { valDir: await manifest(patients('d', 'a')) })).rejects.toMatchObject({
      code: 'ERR_DATA_LEAKAGE',
    })
    await expect(open(own, { valDir: dirname(own) })).rejects.toMatchObject({ code: 'ERR_DATA_SPLIT' })
    await expect(
      open(own, { valDir: await manifest(patients('d')), split: OTHERWISE }),
    ).rejects.toMatchObject({
      code: 'ERR_USAGE',
      message: 'data must be divided or have others to choose by, got both',
    })
  })
  test('refuses parts of which none is to choose by', async () => {
    const file = await manifest(patients('a', 'b', 'c', 'd'))
    const split = { ...OTHERWISE, shares: { train: 0.5, val: 0, test: 0.5 } }
    await expect(open(file, { split })).rejects.toMatchObject({
      code: 'ERR_DATA_SPLIT',
      message: 'data must have tiles in the part val to choose by, got none',
    })
  })
})
