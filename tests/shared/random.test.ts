import { createRandom, type RandomState, resumeRandom } from '@tessera/shared/random'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

/** xoshiro128** 1.1, line by line from the authors' C source (https://prng.di.unimi.it/xoshiro128starstar.c), on BigInt. */
function reference(state: RandomState, count: number): number[] {
  const mask = 0xffffffffn
  const s = state.map(BigInt) as [bigint, bigint, bigint, bigint]
  const rotl = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (32n - k))) & mask
  return Array.from({ length: count }, () => {
    const result = (rotl((s[1] * 5n) & mask, 7n) * 9n) & mask
    const t = (s[1] << 9n) & mask
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = rotl(s[3], 11n)
    return Number(result)
  })
}

const draws = <T>(count: number, draw: () => T): T[] => Array.from({ length: count }, draw)
const mean = (values: number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length

describe('createRandom()', () => {
  test('follows the published generator from any state', () => {
    const word = fc.integer({ min: 0, max: 2 ** 32 - 1 })
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), (state) => {
        const random = resumeRandom('', state)
        expect(draws(20, () => random.uint32())).toEqual(reference(state, 20))
      }),
      { numRuns: 50 },
    )
  })
  test('gives the published first numbers of state 1, 2, 3, 4', () => {
    const known = resumeRandom('', [1, 2, 3, 4])
    expect(draws(4, () => known.uint32())).toEqual([11520, 0, 5927040, 70819200])
  })
  test('gives the same numbers for the same seed for ever', () => {
    const random = createRandom('tessera')
    // Recorded once: a change here changes every study's initial weights.
    expect(draws(3, () => random.uint32())).toEqual([270816832, 284521240, 3609658564])
  })
  test('seeds that differ by one character share nothing', () => {
    const [a, b] = [createRandom('study/round-1'), createRandom('study/round-2')]
    const first = new Set(draws(1000, () => a.uint32()))
    expect(draws(1000, () => b.uint32()).filter((x) => first.has(x))).toEqual([])
  })
  test('a number and its text are the same seed', () => {
    expect(createRandom(7).uint32()).toBe(createRandom('7').uint32())
  })
})

describe('resumeRandom()', () => {
  test('goes on where the state was taken', () => {
    const random = createRandom('a')
    draws(17, () => random.float())
    const resumed = resumeRandom('a', random.state())
    expect(draws(5, () => resumed.uint32())).toEqual(draws(5, () => random.uint32()))
  })
})

describe('fork()', () => {
  test('does not depend on how many numbers were drawn', () => {
    const [a, b] = [createRandom('a'), createRandom('a')]
    draws(9, () => a.uint32())
    expect(a.fork('x').uint32()).toBe(b.fork('x').uint32())
  })
  test('gives another stream for another label', () => {
    const random = createRandom('a')
    expect(random.fork('x').uint32()).not.toBe(random.fork('y').uint32())
  })
})

// Tolerances are five standard errors of the mean of 20,000 draws, so a right generator with another seed would pass too.
const N = 20_000
const fiveErrors = (deviation: number): number => (5 * deviation) / Math.sqrt(N)

describe('distributions', () => {
  const random = createRandom('distributions')
  const off = (values: number[], want: number): number => Math.abs(mean(values) - want)

  test('float() is in [0, 1) with mean 1/2', () => {
    const values = draws(N, () => random.float())
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...values)).toBeLessThan(1)
    expect(off(values, 0.5)).toBeLessThan(fiveErrors(Math.sqrt(1 / 12)))
  })
  test('uniform() keeps to its range', () => {
    const values = draws(1000, () => random.uniform(-3, -1))
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-3)
    expect(Math.max(...values)).toBeLessThan(-1)
  })
  test('integer() gives every value below its bound equally often', () => {
    const counts = [0, 0, 0, 0, 0, 0, 0]
    for (const value of draws(N, () => random.integer(7))) counts[value] = (counts[value] ?? 0) + 1
    for (const count of counts)
      expect(Math.abs(count / N - 1 / 7)).toBeLessThan(fiveErrors(Math.sqrt(6 / 49)))
  })
  test('integer(1) is 0', () => {
    expect(random.integer(1)).toBe(0)
  })
  test('normal() has the mean and deviation asked for', () => {
    const values = draws(N, () => random.normal(4, 3))
    expect(off(values, 4)).toBeLessThan(fiveErrors(3))
    // Variance of a squared normal deviate: 2σ⁴.
    expect(
      off(
        values.map((x) => (x - 4) ** 2),
        9,
      ),
    ).toBeLessThan(fiveErrors(Math.SQRT2 * 9))
  })
  test.each([0.3, 1, 4])('gamma(%d) has its shape as mean and variance', (shape) => {
    const values = draws(N, () => random.gamma(shape))
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0)
    expect(off(values, shape)).toBeLessThan(fiveErrors(Math.sqrt(shape)))
  })
  test.each([0.01, 0.5, 100])('dirichlet(%d) sums to 1', (alpha) => {
    for (const point of draws(50, () => random.dirichlet(alpha, 4))) {
      expect(point).toHaveLength(4)
      expect(point.every((x) => x >= 0)).toBe(true)
      // Rounding of four additions.
      expect(Math.abs(mean(point) * 4 - 1)).toBeLessThan(1e-12)
    }
  })
  test('shuffled() gives the same items, every order equally often', () => {
    const counts = new Map<string, number>()
    const items = ['a', 'b', 'c']
    for (const order of draws(N, () => random.shuffled(items).join('')))
      counts.set(order, (counts.get(order) ?? 0) + 1)
    expect(items).toEqual(['a', 'b', 'c'])
    expect(counts.size).toBe(6)
    for (const count of counts.values())
      expect(Math.abs(count / N - 1 / 6)).toBeLessThan(fiveErrors(Math.sqrt(5 / 36)))
  })
})
