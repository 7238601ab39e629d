import { CHUNK_BYTES } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import {
  chunkCount,
  chunkLength,
  chunkOf,
  createChunkLister,
  inWindow,
  isListed,
  listChunks,
  listHash,
  packMissing,
  unpackMissing,
} from '@tessera/shared/transfer'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const bytes = Uint8Array.from({ length: 2 * CHUNK_BYTES + 5 }, (_, i) => (i >> 19) & 0xff)

describe('a list of chunks', () => {
  test('has the SHA-256 of each chunk, the last one shorter', () => {
    const { totalBytes, digests } = listChunks(bytes)
    expect(totalBytes).toBe(bytes.length)
    expect(Buffer.from(digests).toString('hex')).toBe(
      [0, 1, 2].map((index) => sha256Hex(chunkOf(bytes, index))).join(''),
    )
  })

  test('is named by its own SHA-256', () => {
    const list = listChunks(bytes)
    expect(listHash(list)).toBe(sha256Hex(list.digests))
    expect(listHash(listChunks(bytes.subarray(1)))).not.toBe(listHash(list))
  })

  test('is the same for bytes that pass by in pieces of any length', () => {
    fc.assert(
      fc.property(
        fc.nat(bytes.length),
        fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 5 }),
        (end, cuts) => {
          const places = [0, ...cuts.map((cut) => Math.min(cut, end)), end].toSorted((a, b) => a - b)
          const lister = createChunkLister()
          for (const [i, place] of places.entries()) lister.add(bytes.subarray(places[i - 1] ?? 0, place))
          const { totalBytes, digests } = lister.end()
          const whole = listChunks(bytes.subarray(0, end))
          expect(totalBytes).toBe(end)
          expect(Buffer.compare(digests, whole.digests)).toBe(0)
        },
      ),
      { numRuns: 30 },
    )
  })

  test('the chunks of any size are together as long as the whole', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 30 }), (totalBytes) => {
        const lengths = Array.from({ length: chunkCount(totalBytes) }, (_, i) => chunkLength(totalBytes, i))
        expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(totalBytes)
        expect(Math.min(...lengths)).toBeGreaterThan(0)
        expect(chunkLength(totalBytes, lengths.length)).toBe(0)
      }),
    )
  })

  test('knows its chunks, each at its place only', () => {
    const list = listChunks(bytes)
    for (const index of [0, 1, 2]) {
      for (const at of [0, 1, 2, 3, 2047]) {
        expect(isListed(list, at, chunkOf(bytes, index))).toBe(at === index)
      }
    }
    expect(isListed(list, 2, chunkOf(bytes, 2).subarray(1))).toBe(false)
    expect(isListed(list, 3, new Uint8Array())).toBe(false)
  })
})

describe('packMissing()', () => {
  test('is a bit a chunk, the lowest first', () => {
    expect([...packMissing([0, 3, 8], 10)]).toEqual([0b0000_1001, 0b0000_0001])
  })

  test('comes back as it was', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2048 }), fc.infiniteStream(fc.boolean()), (count, coins) => {
        const missing = Array.from({ length: count }, (_, index) => index).filter(() => coins.next().value)
        expect(unpackMissing(packMissing(missing, count), count)).toEqual(missing)
      }),
    )
  })

  test.each([
    ['another length', new Uint8Array(3), 10],
    ['a chunk that there is not', Uint8Array.of(0, 0b0000_0100), 10],
  ])('is refused with %s', (_, bits, count) => {
    expect(() => unpackMissing(bits, count)).toThrow(expect.objectContaining({ code: 'ERR_MESSAGE_INVALID' }))
  })
})

describe('inWindow()', () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

  test('does each once, in order, and never more at once than the window', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 30 }),
        fc.integer({ min: 1, max: 9 }),
        async (count, window) => {
          const indices = Array.from({ length: count }, (_, i) => i)
          const done: number[] = []
          let [atWork, most] = [0, 0]
          await inWindow(
            indices,
            () => window,
            async (index) => {
              done.push(index)
              most = Math.max(most, ++atWork)
              await turn()
              atWork--
            },
          )
          expect(done).toEqual(indices)
          expect(most).toBe(Math.min(count, window))
        },
      ),
      { numRuns: 30 },
    )
  })

  test('heeds a window that changes on the way', async () => {
    let [window, atWork] = [4, 0]
    const seen: number[] = []
    await inWindow(
      Array.from({ length: 12 }, (_, i) => i),
      () => window,
      async (index) => {
        seen.push(++atWork)
        await turn()
        if (index === 0) window = 1
        atWork--
      },
    )
    expect(seen.slice(0, 4)).toEqual([1, 2, 3, 4])
    expect(new Set(seen.slice(4))).toEqual(new Set([1]))
  })

  test('after a failure starts nothing more, and waits for what is at work', async () => {
    const [started, ended]: number[][] = [[], []]
    const work = inWindow(
      [0, 1, 2, 3, 4, 5],
      () => 3,
      async (index) => {
        started?.push(index)
        if (index === 1) throw new Error('first')
        await turn()
        ended?.push(index)
        if (index === 2) throw new Error('second')
      },
    )
    await expect(work).rejects.toThrow('first')
    expect([started, ended]).toEqual([
      [0, 1, 2],
      [0, 2],
    ])
  })
})
