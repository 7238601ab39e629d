import { rm } from 'node:fs/promises'
import { createRandom } from '@tessera/shared/random'
import { openTiles } from '@tessera/site-agent/data'
import { describe, expect, test } from 'vitest'
import { noiseFolder } from '../../support/tile-files.ts'

type Source = Awaited<ReturnType<typeof openTiles>>
type Options = Parameters<Source['batches']>[0]

async function collect(source: Source, options: Options) {
  const images: number[] = []
  const labels: number[] = []
  const sizes: number[] = []
  for await (const batch of source.batches(options)) {
    images.push(...batch.images)
    labels.push(...batch.labels)
    sizes.push(batch.size)
  }
  return { images, labels, sizes }
}

const classes = ['a', 'b']

describe('batches()', () => {
  test('gives every tile once, in file order and unchanged, when nothing is random', async () => {
    const source = await openTiles({ dir: await noiseFolder({ a: 4, b: 3 }), classes, sizePx: 8 })
    const options: Options = { random: null, batchSize: 3, augment: 'flips-and-stain' }
    const first = await collect(source, options)
    expect(first.labels).toEqual([0, 0, 0, 0, 1, 1, 1])
    expect(first.sizes).toEqual([3, 3, 1])
    expect(first).toEqual(await collect(source, options))
  })

  test('is the same for the same seed, whether tiles are kept or decoded again', async () => {
    const dir = await noiseFolder({ a: 6, b: 6 })
    const kept = await openTiles({ dir, classes, sizePx: 8 })
    const streamed = await openTiles({ dir, classes, sizePx: 8, memoryBudgetBytes: 0 })
    expect([kept.report.inMemory, streamed.report.inMemory]).toEqual([true, false])
    const options = (): Options => ({ random: createRandom('s'), batchSize: 5, augment: 'flips-and-stain' })
    expect(await collect(kept, options())).toEqual(await collect(streamed, options()))
  })

  test('differs between two epochs of one stream', async () => {
    const source = await openTiles({ dir: await noiseFolder({ a: 6, b: 6 }), classes, sizePx: 8 })
    const random = createRandom('s')
    const options: Options = { random, batchSize: 12, augment: 'flips' }
    const [one, two] = [await collect(source, options), await collect(source, options)]
    expect(one.images).not.toEqual(two.images)
    expect([one, two].map(({ labels }) => labels.filter((l) => l === 0).length)).toEqual([6, 6])
  })

  test('a tile’s augmentation does not depend on the size of the batch', async () => {
    const source = await openTiles({ dir: await noiseFolder({ a: 5, b: 4 }), classes, sizePx: 8 })
    const options = (batchSize: number): Options => ({
      random: createRandom('s'),
      batchSize,
      augment: 'flips-and-stain',
    })
    expect((await collect(source, options(2))).images).toEqual((await collect(source, options(9))).images)
  })

  test('fails with the tile’s code when a file vanishes while it is needed', async () => {
    const dir = await noiseFolder({ a: 2, b: 2 })
    const source = await openTiles({ dir, classes, sizePx: 8, memoryBudgetBytes: 0 })
    await rm(dir, { recursive: true })
    await expect(collect(source, { random: null, batchSize: 2, augment: 'none' })).rejects.toMatchObject({
      code: 'ERR_DATA_TILE_UNREADABLE',
    })
  })
})
