import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Hash,
  hashDistance,
  orientations,
} from '../../../../site-agent/data/measures/perceptual-hash.ts'
import {
  countLeaks,
  findLeaks,
  leakageFault,
  type SeenTile,
} from '../../../../site-agent/data/splits/leakage.ts'
import type { ListedTile } from '../../../../site-agent/data/splits/part.ts'
import { similarPairs } from '../../../../site-agent/data/splits/similar.ts'

let digests = 0
function seen(fields: Partial<ListedTile>, more: Partial<SeenTile> = {}): SeenTile {
  const tile: ListedTile = { origin: '', name: '', label: 0, part: 'train', ...fields }
  return { tile, digest: `digest ${digests++}`, hash: null, ...more }
}

describe('findLeaks()', () => {
  test('finds a patient, a slide and a group in two parts, each once a part', () => {
    const tiles = [
      seen({ patient: 'p', slide: 's' }),
      seen({ patient: 'p', slide: 't' }),
      seen({ patient: 'p', slide: 't', part: 'test' }),
      seen({ patient: 'p', part: 'test' }),
      seen({ patient: 'p', part: 'val' }),
      seen({ patient: 'q', group: 'g', part: 'val' }),
      seen({ group: 'g' }),
    ]
    const { leaks } = findLeaks(tiles, 6)
    expect(leaks.map(({ kind, first, second }) => [kind, first, second])).toEqual([
      ['patient', 0, 2],
      ['patient', 0, 4],
      ['slide', 1, 2],
      ['group', 5, 6],
    ])
    expect(leakageFault(leaks)).toMatchObject({
      code: 'ERR_DATA_LEAKAGE',
      message:
        'train, val and test must share no patient, slide, group or picture, got pairs of tiles that do: 2 by patient, 1 by slide, 1 by group',
    })
  })

  test('finds the same pixels and nearly the same picture in two parts, and apart from them within one', () => {
    const hash: Hash = [0x0f0f1234, 0x77777777]
    const near: Hash = [0x0f0f1237, 0x77777777]
    const [turned] = orientations(near).slice(5) as [Hash]
    const tiles = [
      seen({}, { digest: 'same', hash }),
      seen({}, { hash: near }),
      seen({ part: 'test' }, { digest: 'same', hash }),
      seen({ part: 'val' }, { hash: turned }),
      seen({ part: 'test' }, { hash: null }),
    ]
    const { leaks, nearDuplicates, isCut } = findLeaks(tiles, 2)
    expect(leaks).toEqual([
      { kind: 'duplicate', first: 0, second: 2, distance: 0 },
      { kind: 'near-duplicate', first: 1, second: 2, distance: 2 },
      { kind: 'near-duplicate', first: 0, second: 3, distance: 2 },
      { kind: 'near-duplicate', first: 1, second: 3, distance: 0 },
      { kind: 'near-duplicate', first: 2, second: 3, distance: 2 },
    ])
    expect(nearDuplicates).toEqual([{ kind: 'near-duplicate', first: 0, second: 1, distance: 2 }])
    expect(isCut).toBe(false)
    expect(countLeaks(findLeaks(tiles, null).leaks)).toMatchObject({ duplicate: 1, 'near-duplicate': 0 })
  })

  test('finds nothing where nothing is shared', () => {
    const tiles = [seen({ patient: 'p' }), seen({ patient: 'p' }), seen({ patient: 'q', part: 'test' })]
    expect(findLeaks(tiles, 6).leaks).toEqual([])
    expect(leakageFault([])).toBeNull()
  })

  test('ends with ten thousand pairs when all tiles are one picture', () => {
    const tiles = Array.from({ length: 400 }, (_, i) =>
      seen({ part: i % 2 === 0 ? 'train' : 'test' }, { hash: [1, 2] }),
    )
    const { leaks, nearDuplicates, isCut } = findLeaks(tiles, 6)
    expect(leaks.length + nearDuplicates.length).toBe(10_000)
    expect(isCut).toBe(true)
  })
})

test.each([0, 3, 4, 6, 8, 11])(
  'similarPairs() finds what comparing all with all finds, up to %d bits',
  (bits) => {
    const word = fc.integer({ min: 0, max: 0xffffffff })
    // Hashes near few others: unrelated ones would never meet.
    const flips = fc.array(fc.nat(63), { maxLength: 13 })
    const base = fc.array(fc.tuple(word, word), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(
        base,
        fc.array(fc.tuple(fc.nat(2), flips, fc.nat(7)), { maxLength: 20 }),
        (bases, changes) => {
          const hashes = changes.map(([of, bitsToTurn, orientation]): Hash => {
            const words = [...(bases[of % bases.length] as Hash)]
            for (const bit of bitsToTurn)
              words[bit >> 5] = ((words[bit >> 5] as number) ^ (1 << (bit & 31))) >>> 0
            return orientations([words[0] as number, words[1] as number])[orientation] as Hash
          })
          const want = hashes.flatMap((hash, second) =>
            hashes.slice(0, second).flatMap((other, first) => {
              const distance = Math.min(...orientations(hash).map((turned) => hashDistance(turned, ...other)))
              return distance <= bits ? [{ first, second, distance }] : []
            }),
          )
          expect(similarPairs(hashes, bits, 1e6)).toEqual(want)
        },
      ),
    )
  },
)
