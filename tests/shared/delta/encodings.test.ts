import {
  decodeDelta,
  deltaBlocks,
  deltaBytes,
  deltaParts,
  encodeDelta,
  INT8_BLOCK,
  residualOf,
  withResidual,
} from '@tessera/shared/delta'
import { elementCount, federatedLayout, type Layout, type Weights } from '@tessera/shared/model'
import { createRandom } from '@tessera/shared/random'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBf16, encodeBf16 } from '../../../shared/delta/bf16.ts'
import { decodeInt8, encodeInt8, int8Bytes } from '../../../shared/delta/int8.ts'

const finite = fc.float({ noNaN: true, noDefaultInfinity: true })
const someValues = fc.float32Array({ noNaN: true, noDefaultInfinity: true, minLength: 1, maxLength: 700 })

function throughBf16(values: Float32Array): Float32Array {
  const bytes = new Uint8Array(2 * values.length)
  encodeBf16(values, bytes)
  const out = new Float32Array(values.length)
  decodeBf16(bytes, out)
  return out
}
function throughInt8(values: Float32Array, seed: string): Float32Array {
  const bytes = new Uint8Array(int8Bytes(values.length))
  encodeInt8(values, bytes, createRandom(seed))
  const out = new Float32Array(values.length)
  decodeInt8(bytes, out)
  return out
}

const LAYOUT: Layout = {
  architecture: 'test',
  tensors: [
    { name: 'w', shape: [300], kind: 'trainable' },
    { name: 'own', shape: [4], kind: 'local-only' },
    { name: 'var', shape: [2], kind: 'statistic' },
    { name: 'b', shape: [5], kind: 'trainable' },
    { name: 'steps', shape: [], kind: 'counter' },
  ],
}
function aDelta(seed: string, deviation = 1): Weights {
  const random = createRandom(seed)
  return new Map(
    federatedLayout(LAYOUT).tensors.map(({ name, shape }) => [
      name,
      Float32Array.from({ length: elementCount(shape) }, () => random.normal(0, deviation)),
    ]),
  )
}

describe.each(['f32', 'bf16', 'int8'] as const)('encodeDelta() as %s', (encoding) => {
  const encoded = (seed: string, into?: Uint8Array) =>
    encodeDelta(LAYOUT, aDelta(seed), { encoding, random: createRandom('r') }, into)
  test('writes over memory of the right length, all of it, and over no other', () => {
    const fresh = encoded('a').slice()
    const used = new Uint8Array(fresh.length).fill(255)
    expect(encoded('a', used)).toBe(used)
    expect(used).toEqual(fresh)
    const other = new Uint8Array(fresh.length + 1)
    expect(encoded('a', other)).toEqual(fresh)
    expect(other.every((byte) => byte === 0)).toBe(true)
  })
})

describe('bf16', () => {
  test('keeps 1, 1.5 and powers of two, and rounds ties to even', () => {
    expect([...throughBf16(Float32Array.of(1, -1.5, 2 ** -100, 0, -0))]).toEqual([1, -1.5, 2 ** -100, 0, -0])
    // Seven bits of fraction: 1 + 2⁻⁸ is half way between 1 and 1 + 2⁻⁷, 1 + 3·2⁻⁸ between that and 1 + 2⁻⁶.
    expect([...throughBf16(Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8))]).toEqual([1, 1 + 2 ** -6])
  })
  test('is within 2⁻⁸ of a normal number, and of two neighbours takes the nearer', () => {
    fc.assert(
      fc.property(finite, (value) => {
        const [got = Number.NaN] = throughBf16(Float32Array.of(value))
        // The largest bfloat16 is 2⁻⁸ below the largest float32; below 2⁻¹²⁶ the steps are of one size, 2⁻¹³³.
        expect(Math.abs(got - value)).toBeLessThanOrEqual(Math.max(2 ** -8 * Math.abs(value), 2 ** -134))
      }),
    )
  })
  test('never turns a finite number into infinity', () => {
    const largest = 3.4028234663852886e38
    expect([...throughBf16(Float32Array.of(largest, -largest))].every(Number.isFinite)).toBe(true)
  })
})

describe('int8', () => {
  test('has a scale a block of 256 and a byte a value', () => {
    expect([1, 255, 256, 257, 512].map(int8Bytes)).toEqual([5, 259, 260, 265, 520])
  })
  test('keeps whole multiples of a scale that is a power of two', () => {
    const values = Float32Array.of(127, -127, 1, 0, -5).map((x) => x * 2 ** -10)
    expect(throughInt8(values, 'any')).toEqual(values)
  })
  test('is within one step of its block, 1/127 of the largest value', () => {
    fc.assert(
      fc.property(someValues, fc.string(), (values, seed) => {
        const got = throughInt8(values, seed)
        for (const [i, value] of values.entries()) {
          const first = i - (i % INT8_BLOCK)
          const largest = Math.max(...values.slice(first, first + INT8_BLOCK).map(Math.abs))
          // The scale is rounded to float32, and so is the product: 127 steps of 2⁻²⁴ each. The smallest numbers have no 127th: they become 0.
          const step = (largest / 127) * (1 + 2 ** -16) + 127 * 2 ** -149
          expect(Math.abs((got[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(step)
        }
      }),
    )
  })
  test('has the value as its mean over seeds: rounding by chance has no bias', () => {
    const values = Float32Array.of(1, 0.3, -0.004, 0.0001)
    const draws = 4000
    const sums = new Float64Array(values.length)
    for (let i = 0; i < draws; i++)
      for (const [j, x] of throughInt8(values, `${i}`).entries()) sums[j] = (sums[j] ?? 0) + x
    // Standard error of the mean of `draws` roundings of one step: at most step/2/√draws; six of them.
    const slack = (6 * (1 / 127 / 2)) / Math.sqrt(draws)
    for (const [j, value] of values.entries())
      expect(Math.abs((sums[j] ?? 0) / draws - value)).toBeLessThanOrEqual(slack)
  })
  test('the same seed gives the same bytes, another seed others', () => {
    const values = aDelta('x').get('w') ?? new Float32Array()
    expect(throughInt8(values, 'a')).toEqual(throughInt8(values, 'a'))
    expect(throughInt8(values, 'a')).not.toEqual(throughInt8(values, 'b'))
  })
})

describe('encodeDelta() with an encoding', () => {
  test.each([
    ['f32', 4 * 308],
    ['bf16', 2 * 305 + 4 * 3],
    ['int8', 300 + 2 * 4 + 5 + 4 + 4 * 3],
  ] as const)('%s has %d bytes', (encoding, bytes) => {
    expect(deltaBytes(LAYOUT, encoding)).toBe(bytes)
    expect(encodeDelta(LAYOUT, aDelta('d'), { encoding, random: createRandom('r') })).toHaveLength(bytes)
  })
  test.each(['bf16', 'int8'] as const)('%s leaves statistics and counters as they are', (encoding) => {
    const delta = aDelta('d')
    const again = decodeDelta(
      LAYOUT,
      encodeDelta(LAYOUT, delta, { encoding, random: createRandom('r') }),
      encoding,
    )
    expect([...again.keys()]).toEqual([...delta.keys()])
    for (const name of ['var', 'steps']) expect(again.get(name)).toEqual(delta.get(name))
    expect(again.get('w')).not.toEqual(delta.get('w'))
  })
  test.each(['f32', 'bf16', 'int8'] as const)(
    'another number of bytes of %s is ERR_UPDATE_SIZE',
    (encoding) => {
      const bytes = new Uint8Array(deltaBytes(LAYOUT, encoding) - 1)
      expect(() => decodeDelta(LAYOUT, bytes, encoding)).toThrow(
        expect.objectContaining({ code: 'ERR_UPDATE_SIZE' }),
      )
    },
  )
})

describe('deltaBlocks()', () => {
  test.each(['f32', 'bf16', 'int8'] as const)(
    'cut %s without a gap, tensors at whole int8 blocks',
    (encoding) => {
      for (const size of [1, 256, 300, 310, 1000]) {
        const blocks = deltaBlocks(LAYOUT, encoding, size)
        let offset = 0
        const elements = new Map<string, number>()
        for (const block of blocks) {
          expect(block.offset).toBe(offset)
          let within = 0
          for (const piece of block.pieces) {
            expect(piece.offset).toBe(within)
            within += piece.bytes
            const before = elements.get(piece.tensor) ?? 0
            expect(before % INT8_BLOCK).toBe(0)
            elements.set(piece.tensor, before + piece.elements)
          }
          expect(block.bytes).toBe(within)
          expect(block.elements).toBeLessThanOrEqual(Math.max(256, size))
          offset += block.bytes
        }
        expect(offset).toBe(deltaBytes(LAYOUT, encoding))
        expect([...elements]).toEqual(deltaParts(LAYOUT, encoding).map((part) => [part.name, part.elements]))
      }
    },
  )
})

describe('error feedback', () => {
  /** What a site sends of its deltas, round after round. */
  function sentOf(deltas: readonly Weights[], encoding: 'bf16' | 'int8', feedback: boolean) {
    let residual: Weights | null = null
    return deltas.map((delta, round) => {
      const wanted = withResidual(LAYOUT, delta, feedback ? residual : null)
      const bytes = encodeDelta(LAYOUT, wanted, { encoding, random: createRandom(`round-${round}`) })
      const sent = decodeDelta(LAYOUT, bytes, encoding)
      residual = residualOf(LAYOUT, wanted, sent)
      return sent
    })
  }
  const meanError = (deltas: readonly Weights[], sent: readonly Weights[]): number => {
    let worst = 0
    for (const name of ['w', 'b']) {
      for (let i = 0; i < (deltas[0]?.get(name)?.length ?? 0); i++) {
        const sum = (of: readonly Weights[]) => of.reduce((total, d) => total + (d.get(name)?.[i] ?? 0), 0)
        worst = Math.max(worst, Math.abs(sum(deltas) - sum(sent)) / deltas.length)
      }
    }
    return worst
  }

  test.each(['bf16', 'int8'] as const)(
    'the mean of what %s sends goes to the mean of the deltas, as 1/rounds',
    (encoding) => {
      // The same delta each round: what is lost would be lost every time.
      const once = aDelta('same')
      const errors = [4, 16, 64].map((rounds) => {
        const deltas = Array.from({ length: rounds }, () => once)
        return meanError(deltas, sentOf(deltas, encoding, true)) * rounds
      })
      // Error × rounds is the last residual: within two steps of the block, however many rounds (a residual makes the largest value larger).
      const step = encoding === 'int8' ? (2 * 4) / 127 : 2 ** -8 * 8
      for (const error of errors) expect(error).toBeLessThanOrEqual(step)
    },
  )
  test('without it a bfloat16 loses the same each round, and the mean stays off', () => {
    const deltas = Array.from({ length: 64 }, () => aDelta('same'))
    const [without, withIt] = [false, true].map((on) => meanError(deltas, sentOf(deltas, 'bf16', on)))
    expect(without).toBeGreaterThan(10 * (withIt ?? 0))
  })
  test('statistics and counters have no residual, and an absent one changes nothing', () => {
    const delta = aDelta('d')
    expect([...residualOf(LAYOUT, delta, delta).keys()]).toEqual(['w', 'b'])
    expect(withResidual(LAYOUT, delta, null)).toEqual(delta)
    const lost = new Map([...delta].map(([name, values]) => [name, values.map(() => 1)]))
    const corrected = withResidual(LAYOUT, delta, lost)
    expect(corrected.get('var')).toEqual(delta.get('var'))
    expect(corrected.get('b')).toEqual(delta.get('b')?.map((x) => x + 1))
  })
})
