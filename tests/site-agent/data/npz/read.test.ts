import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openTiles } from '@tessera/site-agent/data'
import { describe, expect, test } from 'vitest'
import { listNpz } from '../../../../site-agent/data/npz/read.ts'
import { type NpyOptions, npyFile, npzFile } from '../../../support/npz-file.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'
import { noisePixels, writePng } from '../../../support/tile-files.ts'

const classes = ['normal', 'tumor']
const options = { classes, allowMissingClasses: false }

async function write(bytes: Uint8Array): Promise<string> {
  const file = join(await temporaryFolder(), 'set.npz')
  await writeFile(file, bytes)
  return file
}

/** `count` tiles of 8 × 8 noise. */
const images = (seed: string, count: number): NpyOptions => ({
  shape: [count, 8, 8, 3],
  bytes: noisePixels(seed, 8, 3 * count),
})
const labels = (...values: number[]): NpyOptions => ({
  shape: [values.length, 1],
  bytes: Uint8Array.from(values),
})

describe('listNpz()', () => {
  test('lists images and labels of each part, by row', async () => {
    const file = await write(
      npzFile({
        train_images: images('train', 3),
        train_labels: labels(0, 1, 1),
        test_images: images('test', 1),
        test_labels: labels(0),
        source_index: { shape: [4], bytes: new Uint8Array(4) },
      }),
    )
    const { tiles, hasParts, labels: uses } = await listNpz(file, options)
    expect(hasParts).toBe(true)
    expect(tiles.map(({ label, part, name }) => [label, part, name])).toEqual([
      [0, 'train', 'row 0 of train_images'],
      [1, 'train', 'row 1 of train_images'],
      [1, 'train', 'row 2 of train_images'],
      [0, 'test', 'row 0 of test_images'],
    ])
    const second = noisePixels('train', 8, 9).subarray(192, 384)
    expect(tiles[1]?.origin).toEqual({ pixels: second, width: 8, height: 8 })
    expect(uses).toEqual([
      { label: '0', className: 'normal', tiles: 2 },
      { label: '1', className: 'tumor', tiles: 2 },
    ])
  })

  test('takes one part alone as all there is', async () => {
    const file = await write(npzFile({ test_images: images('t', 2), test_labels: labels(0, 1) }))
    const { hasParts, tiles } = await listNpz(file, options)
    expect(hasParts).toBe(false)
    expect(tiles.map(({ part }) => part)).toEqual(['train', 'train'])
  })

  test('maps numbers to classes, and leaves labels out', async () => {
    const file = await write(npzFile({ test_images: images('t', 3), test_labels: labels(5, 6, 7) }))
    const labelMap = new Map([
      ['5', 'tumor'],
      ['6', null],
      ['7', 'normal'],
    ])
    const { tiles } = await listNpz(file, { ...options, labelMap })
    expect(tiles.map(({ label }) => label)).toEqual([1, 0])
  })

  test.each([
    ['<u2', Buffer.from('01000000', 'hex')],
    ['>i4', Buffer.from('0000000100000000', 'hex')],
    ['<i8', Buffer.from('01000000000000000000000000000000', 'hex')],
    ['|i1', Buffer.from('0100', 'hex')],
  ])('reads labels of type %s', async (descr, bytes) => {
    const file = await write(
      npzFile({ test_images: images('t', 2), test_labels: { descr, shape: [2], bytes } }),
    )
    expect((await listNpz(file, options)).tiles.map(({ label }) => label)).toEqual([1, 0])
  })

  test('opens to the same bits as the same tiles in files, in memory and not', async () => {
    const dir = await temporaryFolder()
    const pixels = noisePixels('t', 8, 9)
    for (const [i, name] of ['normal', 'tumor', 'tumor'].entries()) {
      await writePng(join(dir, name, `${i}.png`), pixels.subarray(i * 192, (i + 1) * 192), 8)
    }
    const npz = await write(npzFile({ test_images: images('t', 3), test_labels: labels(0, 1, 1) }))
    const bits = async (from: string, more: object): Promise<number[]> => {
      const source = await openTiles({ dir: from, classes, sizePx: 8, ...more })
      const all: number[] = []
      for await (const batch of source.batches({ random: null, batchSize: 2, augment: 'none' }))
        all.push(...batch.images)
      return all
    }
    const want = await bits(dir, {})
    expect(await bits(npz, {})).toEqual(want)
    expect(await bits(npz, { memoryBudgetBytes: 0 })).toEqual(want)
    expect(await bits(npz, { memoryBudgetBytes: 0, workers: 1 })).toEqual(want)
    expect((await openTiles({ dir: npz, classes, sizePx: 16 })).report).toMatchObject({
      tiles: 3,
      resized: 3,
    })
  })

  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1), }`
  test.each<[string, Parameters<typeof npzFile>[0], string]>([
    [
      'no arrays that it knows',
      { x: labels(1) },
      'hold train_images and train_labels, or val or test, got none',
    ],
    ['images without labels', { test_images: images('t', 1) }, 'hold both test_images and test_labels'],
    [
      'grey images',
      { test_images: { shape: [2, 8, 8], bytes: new Uint8Array(128) }, test_labels: labels(0, 1) },
      '[N, H, W, 3], got u1 [2, 8, 8]',
    ],
    [
      'images of two bytes',
      {
        test_images: { descr: '<u2', shape: [1, 8, 8, 3], bytes: new Uint8Array(384) },
        test_labels: labels(0),
      },
      'got u2 [1, 8, 8, 3]',
    ],
    [
      'several labels a tile',
      { test_images: images('t', 1), test_labels: { shape: [1, 2], bytes: new Uint8Array(2) } },
      'test_labels of shape [1, 1], got [1, 2]',
    ],
    [
      'fewer labels than images',
      { test_images: images('t', 2), test_labels: labels(0) },
      'test_labels of shape [2, 1], got [1, 1]',
    ],
    [
      'a shape larger than its bytes',
      { test_images: { shape: [1e9, 8, 8, 3], bytes: new Uint8Array(192) }, test_labels: labels(0) },
      'as large as their shapes say, got 192 bytes',
    ],
    [
      'objects to be unpickled',
      {
        test_images: images('t', 1),
        test_labels: npyFile({
          shape: [1],
          bytes: new Uint8Array(8),
          header: `{'descr': '|O', 'fortran_order': False, 'shape': (1,), }`,
        }),
      },
      'arrays of whole numbers in C order',
    ],
    [
      'columns before rows',
      {
        test_images: images('t', 1),
        test_labels: npyFile({
          shape: [2, 1],
          bytes: new Uint8Array(2),
          header: text.replace('False', 'True'),
        }),
      },
      'arrays of whole numbers in C order',
    ],
    [
      'Python beside the dictionary',
      {
        test_images: images('t', 1),
        test_labels: npyFile({ shape: [2, 1], bytes: new Uint8Array(2), header: `${text} or exit()` }),
      },
      'arrays of whole numbers in C order',
    ],
    [
      'other content',
      { test_images: Buffer.from('no array, and longer than a header'), test_labels: labels(0) },
      'in the .npy format, got other content',
    ],
    [
      'an array of nothing at all',
      { test_images: Buffer.alloc(0), test_labels: labels(0) },
      'hold whole arrays, got one that ends early',
    ],
    [
      'a header that ends early',
      { test_images: Buffer.from('\x93NUMPY\x01\x00\xff\x00{', 'latin1'), test_labels: labels(0) },
      'hold whole arrays, got one that ends early',
    ],
    [
      'a version to come',
      { test_images: Buffer.from('\x93NUMPY\x04\x00\x10\x00\x00\x00', 'latin1'), test_labels: labels(0) },
      'version 1 to 3, got 4',
    ],
    [
      'a header without end',
      { test_images: Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\x7f', 'latin1'), test_labels: labels(0) },
      'headers of at most 65535 bytes',
    ],
  ])('refuses %s', async (_, arrays, message) => {
    await expect(listNpz(await write(npzFile(arrays)), options)).rejects.toMatchObject({
      code: 'ERR_DATA_NPZ',
      message: expect.stringContaining(message),
    })
  })

  test('refuses a zip that names an array twice, claims another size, or is cut off', async () => {
    const arrays = { test_images: images('t', 1), test_labels: labels(0) }
    const twice = npzFile(arrays, [{ name: 'test_labels.npy', content: npyFile(labels(1)) }])
    await expect(listNpz(await write(twice), options)).rejects.toMatchObject({
      message: expect.stringContaining('it twice'),
    })
    const huge = npzFile({ test_labels: labels(0) }, [
      { name: 'test_images.npy', content: npyFile(images('t', 1)), claimedBytes: 3_000_000_000 },
    ])
    await expect(listNpz(await write(huge), options)).rejects.toMatchObject({
      message: expect.stringContaining('at most 2147483648 bytes of arrays, got 3000000'),
    })
    const many = npzFile(
      {},
      Array.from({ length: 65 }, (_, i) => ({ name: `${i}.npy`, content: '' })),
    )
    await expect(listNpz(await write(many), options)).rejects.toMatchObject({
      message: expect.stringContaining('at most 64 arrays'),
    })
    const cut = npzFile(arrays).subarray(0, -30)
    const error = await listNpz(await write(cut), options).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_DATA_NPZ', message: expect.stringContaining('damaged') })
    expect(String(error)).not.toContain('set.npz')
  })

  test('refuses labels that are no class, by their numbers', async () => {
    const file = await write(npzFile({ test_images: images('t', 2), test_labels: labels(0, 2) }))
    await expect(listNpz(file, options)).rejects.toMatchObject({
      code: 'ERR_DATA_CLASSES',
      message:
        'labels must be classes of the study (normal, tumor), got 2: --map says which class a label is',
    })
  })
})
