import {
  applyDelta,
  computeDelta,
  decodeDelta,
  deltaBytes,
  deltaRoom,
  encodeDelta,
  firstNonFinite,
  l2Norm,
} from '@tessera/shared/delta'
import { elementCount, type Layout, type TensorKind, type Weights } from '@tessera/shared/model'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import '../../support/allclose.ts'

const layout: Layout = {
  architecture: 'test',
  tensors: [
    { name: 'w', shape: [2, 3], kind: 'trainable' },
    { name: 'queue', shape: [4], kind: 'local-only' },
    { name: 'b', shape: [], kind: 'trainable' },
    { name: 'mean', shape: [2], kind: 'statistic' },
    { name: 'steps', shape: [1], kind: 'counter' },
  ],
}
const SIZE = layout.tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0)

/** Weights from a flat list, in the layout's order. */
function weights(
  values: readonly number[],
  kinds: readonly TensorKind[] = ['trainable', 'local-only', 'statistic', 'counter'],
): Weights {
  let at = 0
  const take = (n: number): Float32Array => Float32Array.from(values.slice(at, (at += n)))
  return new Map(
    layout.tensors
      .filter(({ kind }) => kinds.includes(kind))
      .map(({ name, shape }) => [name, take(elementCount(shape))]),
  )
}
const flat = (w: Weights): number[] => [...w.values()].flatMap((values) => [...values])
const anyWeights = fc
  .array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), {
    minLength: SIZE,
    maxLength: SIZE,
  })
  .map((values) => weights(values))
const FEDERATED = ['trainable', 'statistic', 'counter'] as const
const anyDelta = fc
  .array(fc.float(), { minLength: SIZE - 4, maxLength: SIZE - 4 })
  .map((values) => weights(values, FEDERATED))

describe('computeDelta()', () => {
  test('is local minus base, without what is local-only', () => {
    const delta = computeDelta(
      layout,
      weights([3, 1, 4, 1, 5, 9, 9, 9, 9, 9, 2, 6, 5, 8]),
      weights(Array(14).fill(1)),
    )
    expect([...delta.keys()]).toEqual(['w', 'b', 'mean', 'steps'])
    expect(flat(delta)).toEqual([2, 0, 3, 0, 4, 8, 1, 5, 4, 7])
  })
  test('lies in the room that it is given, one tensor after the other', () => {
    const room = deltaRoom(layout).fill(99)
    const delta = computeDelta(layout, weights([...Array(14).keys()]), weights(Array(14).fill(1)), room)
    expect([...delta.values()].every(({ buffer }) => buffer === room.buffer)).toBe(true)
    expect([...room]).toEqual(flat(delta))
    expect(flat(delta)).toEqual([-1, 0, 1, 2, 3, 4, 9, 10, 11, 12])
  })
  test('does not change what it is given', () => {
    const [local, base] = [weights(Array(14).fill(2)), weights(Array(14).fill(1))]
    computeDelta(layout, local, base)
    expect(flat(local)).toEqual(Array(14).fill(2))
    expect(flat(base)).toEqual(Array(14).fill(1))
  })
  test('refuses weights of another layout', () => {
    const base = weights(Array(14).fill(1))
    expect(() => computeDelta(layout, new Map([['w', new Float32Array(6)]]), base)).toThrow(
      expect.objectContaining({ code: 'ERR_LAYOUT_MISMATCH' }),
    )
    expect(() => computeDelta(layout, base, new Map(base).set('b', new Float32Array(2)))).toThrow(
      'base b must have shape [], got [2]',
    )
  })
})

describe('applyDelta()', () => {
  test('gives local back', () => {
    fc.assert(
      fc.property(anyWeights, anyWeights, (local, base) => {
        const again = applyDelta(layout, base, computeDelta(layout, local, base))
        for (const { name, kind } of layout.tensors) {
          if (kind === 'local-only') continue
          const [l, b] = [local.get(name) ?? [], base.get(name) ?? []]
          // Two float32 roundings, of the difference and of the sum: each half a unit in the last place (2⁻²⁴) of the larger number at hand.
          for (const [i, got] of (again.get(name) ?? []).entries()) {
            const size = Math.abs(l[i] ?? 0) + Math.abs(b[i] ?? 0)
            expect(Math.abs(got - (l[i] ?? 0))).toBeLessThanOrEqual(2 * size * 2 ** -24 + 2 ** -149)
          }
        }
      }),
    )
  })
  test('keeps what is local-only, as a copy', () => {
    const base = weights(Array.from({ length: SIZE }, (_, i) => i))
    const next = applyDelta(layout, base, weights(Array(SIZE - 4).fill(1), FEDERATED))
    expect(next.get('queue')).toEqual(base.get('queue'))
    expect(next.get('queue')).not.toBe(base.get('queue'))
  })
  test('refuses a delta with a local-only tensor', () => {
    const base = weights(Array(SIZE).fill(0))
    expect(() => applyDelta(layout, base, base)).toThrow(
      expect.objectContaining({ code: 'ERR_LAYOUT_MISMATCH' }),
    )
  })
})

describe('encodeDelta()', () => {
  test('is little-endian float32 in the order of the layout', () => {
    const bytes = encodeDelta(layout, weights([1, -2, 0.5, 0, 0, 0, 3, 0, 0, 7], FEDERATED))
    expect(Buffer.from(bytes.subarray(0, 12)).toString('hex')).toBe('0000803f000000c00000003f')
    expect(Buffer.from(bytes.subarray(24, 28)).toString('hex')).toBe('00004040')
    expect(bytes).toHaveLength(deltaBytes(layout))
    expect(deltaBytes(layout)).toBe(40)
  })
  test('is undone by decodeDelta(), to the bit, NaN and −0 included', () => {
    fc.assert(
      fc.property(anyDelta, (delta) => {
        const again = decodeDelta(layout, encodeDelta(layout, delta))
        expect([...again.keys()]).toEqual([...delta.keys()])
        expect(flat(again)).toEqual(flat(delta))
      }),
    )
  })
  test('takes tensors that are views into a larger buffer', () => {
    const pool = new Float32Array(20).map((_, i) => i)
    const delta = new Map([
      ['w', pool.subarray(1, 7)],
      ['b', pool.subarray(9, 10)],
      ['mean', pool.subarray(12, 14)],
      ['steps', pool.subarray(3, 4)],
    ])
    expect(flat(decodeDelta(layout, encodeDelta(layout, delta)))).toEqual([1, 2, 3, 4, 5, 6, 9, 12, 13, 3])
  })
})

describe('decodeDelta()', () => {
  test.each([0, 39, 41, 44, 80])('refuses %d bytes', (size) => {
    expect(() => decodeDelta(layout, new Uint8Array(size))).toThrow(
      expect.objectContaining({ code: 'ERR_UPDATE_SIZE', message: `delta must have 40 bytes, got ${size}` }),
    )
  })
  test('reads bytes that start anywhere, and keeps nothing of them', () => {
    const bytes = encodeDelta(layout, weights([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], FEDERATED))
    const pool = new Uint8Array(64)
    pool.set(bytes, 3)
    const delta = decodeDelta(layout, pool.subarray(3, 43))
    pool.fill(0xff)
    expect(flat(delta)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })
})

describe('firstNonFinite()', () => {
  test.each([Number.NaN, Infinity, -Infinity])('names the tensor that holds %d', (value) => {
    const delta = new Map(weights(Array(10).fill(0), FEDERATED))
    expect(firstNonFinite(layout, delta)).toBeNull()
    delta.set('mean', Float32Array.of(0, value))
    expect(firstNonFinite(layout, delta)).toBe('mean')
    delta.set('w', Float32Array.of(0, 0, 0, 0, 0, value))
    expect(firstNonFinite(layout, delta)).toBe('w')
  })
  test('takes the largest and the smallest float32', () => {
    const delta = weights([3.4028234663852886e38, 1e-45, 0, 0, 0, 0, 0, 0, 0, 0], FEDERATED)
    expect(firstNonFinite(layout, delta)).toBeNull()
  })
  test('refuses a delta that lacks a tensor: what is not looked at is not finite', () => {
    expect(() => firstNonFinite(layout, new Map())).toThrow(
      expect.objectContaining({ code: 'ERR_LAYOUT_MISMATCH' }),
    )
  })
})

describe('l2Norm()', () => {
  test('counts trainable tensors only', () => {
    expect(l2Norm(layout, weights([1, 2, 0, 0, 0, 2, 4, 100, 100, 100], FEDERATED))).toBe(5)
  })
  test('does not overflow', () => {
    const norm = l2Norm(layout, weights([3e38, 3e38, 3e38, 3e38, 0, 0, 0, 0, 0, 0], FEDERATED))
    // 3e38 is no float32: its nearest is within 2⁻²⁴ of it.
    expect([norm]).toBeAllclose([6e38], { relative: 2 ** -24 })
  })
})
