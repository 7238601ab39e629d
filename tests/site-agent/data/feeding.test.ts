import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { createRandom } from '@tessera/shared/random'
import { openTiles } from '@tessera/site-agent/data'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { LOOK_AHEAD, lookAhead } from '../../../site-agent/data/batch-ring.ts'
import { type TileSet, tileSource } from '../../../site-agent/data/batches.ts'
import { type RunningJob, runJob } from '../../../site-agent/data/tile-workers.ts'
import { noiseFolder, noisePixels } from '../../support/tile-files.ts'

const classes = ['a', 'b']
const SIZE = 24
async function mixedFolder(): Promise<string> {
  const dir = await noiseFolder({ a: 12, b: 11 }, SIZE)
  // Several whose pixels lie in a thread's own memory while others are on their way; through sharp, and scaled.
  for (let i = 0; i < 6; i++) {
    await sharp(noisePixels(`jpeg/${i}`, SIZE), { raw: { width: SIZE, height: SIZE, channels: 3 } })
      .jpeg({ progressive: i % 3 === 0 })
      .toFile(join(dir, i % 2 === 0 ? 'a' : 'b', `x${i}.jpg`))
  }
  await sharp(noisePixels('large', 40), { raw: { width: 40, height: 40, channels: 3 } })
    .png()
    .toFile(join(dir, 'b', 'y.png'))
  await writeFile(join(dir, 'b', 'z.png'), 'no image')
  return dir
}

type Augment = Parameters<Awaited<ReturnType<typeof openTiles>>['batches']>[0]['augment']

/** All bits of two epochs of one stream. */
async function twoEpochs(
  dir: string,
  workers: number,
  augment: Augment,
  memoryBudgetBytes = 1e9,
): Promise<string[]> {
  const source = await openTiles({ dir, classes, sizePx: SIZE, workers, memoryBudgetBytes })
  const random = createRandom('feeding')
  const epochs: string[] = []
  for (let epoch = 0; epoch < 2; epoch++) {
    const parts: Buffer[] = []
    for await (const { images, labels } of source.batches({ random, batchSize: 4, augment })) {
      parts.push(Buffer.from(new Uint8Array(images.buffer, images.byteOffset, images.byteLength)))
      parts.push(Buffer.from(labels))
    }
    epochs.push(Buffer.concat(parts).toString('base64'))
  }
  return epochs
}

describe('batches of any number of workers', () => {
  test.each(['none', 'flips', 'flips-and-stain', 'randaugment'] as const)(
    'have the same bits with %s, kept in memory or decoded each time',
    async (augment) => {
      const dir = await mixedFolder()
      const want = await twoEpochs(dir, 0, augment)
      expect(want[0]).not.toEqual(want[1])
      for (const workers of [1, 2, 3]) expect(await twoEpochs(dir, workers, augment)).toEqual(want)
      for (const workers of [0, 2]) expect(await twoEpochs(dir, workers, augment, 0)).toEqual(want)
    },
    // Three threads start beside other tests' processes.
    60_000,
  )

  test('report the same folder', async () => {
    const dir = await mixedFolder()
    const [inline, threaded] = await Promise.all(
      [0, 2].map((workers) => openTiles({ dir, classes, sizePx: SIZE, workers })),
    )
    expect(threaded?.report).toEqual(inline?.report)
    expect(threaded?.report).toMatchObject({
      tiles: 30,
      resized: 1,
      skipped: { ERR_DATA_TILE_UNREADABLE: 1 },
    })
  })
})

/** Twenty tiles in memory, and what became of their jobs. */
function countedSource() {
  const pixels = new Uint8Array(new SharedArrayBuffer(20 * SIZE * SIZE * 3))
  pixels.set(noisePixels('store', SIZE))
  const tiles: TileSet = {
    sizePx: SIZE,
    labels: new Int32Array(20),
    origins: [],
    store: pixels,
    slots: Int32Array.from({ length: 20 }, (_, i) => i),
    stain: null,
  }
  const jobs: (RunningJob & { memory: ArrayBufferLike; cancelled: boolean })[] = []
  const source = tileSource(tiles, {
    classes: 1,
    skipped: 0,
    workers: 0,
    run(job) {
      const running = runJob(job, 0)
      const counted = {
        done: running.done,
        memory: job.images.buffer,
        cancelled: false,
        cancel() {
          counted.cancelled = true
          running.cancel()
        },
      }
      jobs.push(counted)
      return counted
    },
  })
  return { source, jobs }
}

const options = () => ({ random: createRandom('s'), batchSize: 2, augment: 'flips' }) as const

describe('reading ahead', () => {
  test('never begins more than its few batches before they are asked for', async () => {
    const { source, jobs } = countedSource()
    let read = 0
    for await (const _ of source.batches(options())) {
      read++
      // However long the reader takes: what could start without being asked has started by now.
      for (let turn = 0; turn < 20; turn++) await setImmediate()
      expect(jobs.length).toBe(Math.min(10, read + LOOK_AHEAD))
    }
    expect(read).toBe(10)
  })

  test('begins nothing before the first batch is asked for', async () => {
    const { source, jobs } = countedSource()
    source.batches(options())
    await setImmediate()
    expect(jobs.length).toBe(0)
  })

  test('uses the memory of few batches again and again, also in the next epoch', async () => {
    const { source, jobs } = countedSource()
    for (let epoch = 0; epoch < 3; epoch++) {
      for await (const { size } of source.batches(options())) expect(size).toBe(2)
    }
    expect(jobs.length).toBe(30)
    expect(new Set(jobs.map(({ memory }) => memory)).size).toBe(LOOK_AHEAD + 1)
  })

  test('a batch stays as it is until the next one is asked for', async () => {
    const { source } = countedSource()
    for await (const { images } of source.batches(options())) {
      const before = images.slice()
      for (let turn = 0; turn < 20; turn++) await setImmediate()
      expect(images).toEqual(before)
    }
  })

  test('holds fewer batches ahead when each is large, and one at least', () => {
    const mebibyte = 1024 * 1024
    expect([1, 100, 200, 400, 4000].map((size) => lookAhead(size * mebibyte))).toEqual([3, 3, 1, 1, 1])
  })

  test.each([
    ['broken off', () => undefined],
    [
      'ended by an error',
      () => {
        throw new Error('from the reader')
      },
    ],
  ])('stops its work when it is %s', async (_, leave) => {
    const { source, jobs } = countedSource()
    const reading = async (): Promise<void> => {
      for await (const { size } of source.batches(options())) {
        expect(size).toBe(2)
        leave()
        break
      }
    }
    await reading().catch((error: Error) => expect(error.message).toBe('from the reader'))
    expect(jobs.map(({ cancelled }) => cancelled)).toEqual([false, ...Array(LOOK_AHEAD).fill(true)])
    // Memory that may still be written to is not used again.
    const left = new Set(jobs.map(({ memory }) => memory))
    for await (const { images } of source.batches(options())) expect(left.has(images.buffer)).toBe(false)
  })
})
