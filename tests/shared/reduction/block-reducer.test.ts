import { type DeltaBlock, decodeDelta, deltaBlocks, encodeDelta } from '@tessera/shared/delta'
import { elementCount, federatedLayout, type Layout, type Weights } from '@tessera/shared/model'
import type { Encoding } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import { type Combination, createBlockReducer, type Reduction } from '@tessera/shared/reduction'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

/** Lengths that are no multiple of anything; a counter in the middle; one tensor of several int8 blocks. */
const LAYOUT: Layout = {
  architecture: 'test',
  tensors: [
    { name: 'a', shape: [3, 7], kind: 'trainable' },
    { name: 'steps', shape: [3], kind: 'counter' },
    { name: 'b', shape: [1000], kind: 'trainable' },
    { name: 'mine', shape: [9], kind: 'local-only' },
    { name: 'mean', shape: [5], kind: 'statistic' },
    { name: 'c', shape: [], kind: 'trainable' },
  ],
}
const random = createRandom('block-reducer')

function deltaOf(seed: string, deviation = 1): Weights {
  const stream = random.fork(seed)
  return new Map(
    federatedLayout(LAYOUT).tensors.map(({ name, shape, kind }) => [
      name,
      Float32Array.from({ length: elementCount(shape) }, () =>
        kind === 'counter' ? stream.integer(100) - 50 : stream.normal(0, deviation),
      ),
    ]),
  )
}

/** The whole delta by blocks of `maxElements`. */
function reduced(
  rows: readonly Uint8Array[],
  encoding: Encoding,
  reduction: Reduction,
  maxElements = 65_536,
): number[] {
  const blocks = deltaBlocks(LAYOUT, encoding, maxElements)
  const reducer = createBlockReducer(reduction, blocks)
  const read =
    ({ offset }: DeltaBlock) =>
    (row: number, into: Uint8Array) =>
      into.set((rows[row] as Uint8Array).subarray(offset, offset + into.length))
  return blocks.flatMap((block) => [...reducer.reduce(block, read(block))])
}

/** Scalar loops over decoded deltas. */
function byLoops(deltas: readonly Weights[], { combination, weights, scales }: Reduction): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return federatedLayout(LAYOUT).tensors.flatMap(({ name, kind, shape }) =>
    Array.from({ length: elementCount(shape) }, (_, i) => {
      const values = deltas.map((delta) => delta.get(name)?.[i] ?? Number.NaN)
      if (kind === 'counter') return Math.max(...values)
      if (combination.kind === 'mean') {
        const sum = values.reduce((s, x, row) => s + (weights[row] ?? 0) * (scales[row] ?? 0) * x, 0)
        return Math.fround(sum / total)
      }
      const kept = values
        .map((x, row) => Math.fround(x * (scales[row] ?? 0)))
        .toSorted((a, b) => a - b)
        .slice(combination.trim, values.length - combination.trim)
      return Math.fround(kept.reduce((s, x) => s + x, 0) / kept.length)
    }),
  )
}

const encodings = fc.constantFrom<Encoding>('f32', 'bf16', 'int8')
const sites = fc.integer({ min: 1, max: 23 })
const combinationOf = (kind: 'mean' | 'trimmed', rows: number, share: number): Combination =>
  kind === 'mean' ? { kind } : { kind, trim: Math.floor(share * ((rows - 1) / 2)) }

describe('createBlockReducer()', () => {
  test('is (3, 1) for (0, 4) of one tile and (4, 0) of three', () => {
    const layout: Layout = { architecture: '', tensors: [{ name: 'w', shape: [2], kind: 'trainable' }] }
    const rows = [Float32Array.of(0, 4), Float32Array.of(4, 0)]
    const [block] = deltaBlocks(layout, 'f32', 256)
    const reduction = { combination: { kind: 'mean' }, weights: [1, 3], scales: [1, 1] } as const
    const reducer = createBlockReducer(reduction, block ? [block] : [])
    const read = (row: number, into: Uint8Array) => into.set(new Uint8Array(rows[row]?.buffer ?? []))
    expect([...reducer.reduce(block as DeltaBlock, read)]).toEqual([3, 1])
  })

  test('is the oracle of scalar loops to the bit: any encoding, weights, scales, mean and trimmed', () => {
    fc.assert(
      fc.property(
        sites,
        encodings,
        fc.constantFrom('mean' as const, 'trimmed' as const),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer(),
        (rows, encoding, kind, share, seed) => {
          const stream = createRandom(seed)
          const encoded = Array.from({ length: rows }, (_, row) =>
            encodeDelta(LAYOUT, deltaOf(`${seed}/${row}`), { encoding, random: stream.fork(`${row}`) }),
          )
          const reduction = {
            combination: combinationOf(kind, rows, share),
            weights: encoded.map(() => 1 + stream.integer(10_000)),
            scales: encoded.map(() => (stream.float() < 0.5 ? 1 : 0.01 + stream.float())),
          }
          const decoded = encoded.map((bytes) => decodeDelta(LAYOUT, bytes, encoding))
          expect(reduced(encoded, encoding, reduction)).toEqual(byLoops(decoded, reduction))
        },
      ),
      { numRuns: 40 },
    )
  })

  test('any size of block gives the same bits', () => {
    fc.assert(
      fc.property(encodings, fc.constantFrom('mean', 'trimmed'), sites, (encoding, kind, rows) => {
        const encoded = Array.from({ length: rows }, (_, row) =>
          encodeDelta(LAYOUT, deltaOf(`${row}`), { encoding, random }),
        )
        const reduction = {
          combination: combinationOf(kind, rows, 1),
          weights: encoded.map((_, row) => row + 1),
          scales: encoded.map((_, row) => 1 / (row + 1)),
        }
        const whole = reduced(encoded, encoding, reduction)
        for (const size of [1, 256, 300, 512, 1024])
          expect(reduced(encoded, encoding, reduction, size)).toEqual(whole)
      }),
      { numRuns: 12 },
    )
  })

  test('a row more or less than a group of the mean is added all the same', () => {
    for (const rows of [1, 3, 4, 5, 8, 9]) {
      const encoded = Array.from({ length: rows }, (_, row) => encodeDelta(LAYOUT, deltaOf(`${row}`)))
      const ones = encoded.map(() => 1)
      const reduction = { combination: { kind: 'mean' }, weights: ones, scales: ones } as const
      const decoded = encoded.map((bytes) => decodeDelta(LAYOUT, bytes))
      expect(reduced(encoded, 'f32', reduction)).toEqual(byLoops(decoded, reduction))
    }
  })

  test('the median of negative zeros and zeros is zero, whatever their order', () => {
    const zero = (sign: number): Weights =>
      new Map([...deltaOf('z')].map(([name, values]) => [name, values.fill(sign < 0 ? -0 : 0)]))
    const ones = [1, 1, 1]
    const reduction = { combination: { kind: 'trimmed', trim: 1 }, weights: ones, scales: ones } as const
    for (const signs of [
      [-1, -1, 1],
      [1, -1, -1],
      [-1, -1, -1],
    ]) {
      const rows = signs.map((sign) => encodeDelta(LAYOUT, zero(sign)))
      const values = reduced(rows, 'f32', reduction)
      expect(values.slice(0, 21).every((value) => Object.is(value, 0))).toBe(true)
    }
  })
})
