import { createRandom } from '@tessera/shared/random'
import type { TileSource } from '@tessera/site-agent/distill'
import { describe, expect, test } from 'vitest'
import { gatedTiles, sameBatch } from '../../../../simulations/bench/contenders/gated-tiles.ts'

const OPTIONS = { random: null, batchSize: 2, augment: 'none' } as const
const batchOf = (
  label: number,
  size: number,
): { images: Float32Array; labels: Int32Array; indices: Int32Array; size: number } => ({
  images: new Float32Array(size * 3),
  labels: new Int32Array(size).fill(label),
  indices: Int32Array.from({ length: size }, (_, i) => i),
  size,
})

describe('gatedTiles()', () => {
  test('lets one batch through at a time, and is done with it when the reader comes back', async () => {
    const tiles = gatedTiles(sameBatch(batchOf(0, 2), 1, 2))
    const events: string[] = []
    const reading = (async () => {
      for await (const { size } of tiles.source.batches(OPTIONS)) {
        events.push(`reads ${size}`)
        if (events.length === 5) return
      }
    })()
    await tiles.release()
    events.push('released')
    await tiles.release()
    events.push('released')
    void tiles.release()
    await reading
    expect(events).toEqual(['reads 2', 'released', 'reads 2', 'released', 'reads 2'])
  })
  test('begins the data again, in another order, and passes over what is not full', async () => {
    const seeds: number[] = []
    const inner: TileSource = {
      sizePx: 1,
      count: 3,
      labels: Int32Array.of(0, 0, 1),
      classCounts: [2, 1],
      skipped: 0,
      async *batches({ random }) {
        seeds.push(random?.uint32() ?? -1)
        yield batchOf(0, 2)
        yield batchOf(1, 1)
      },
    }
    const tiles = gatedTiles(inner)
    const reader = tiles.source.batches({ ...OPTIONS, random: createRandom('order') })[Symbol.asyncIterator]()
    const labels: number[] = []
    for (let i = 0; i < 3; i++) {
      const next = reader.next()
      void tiles.release()
      const { value } = await next
      labels.push(...(value?.labels ?? []))
    }
    expect(labels).toEqual([0, 0, 0, 0, 0, 0])
    expect(new Set(seeds).size).toBe(3)
  })
})
