/** @file The strategies that move the student themselves, against loops written from their papers. */
import { createAggregator } from '@tessera/coordinator/aggregation'
import type { Strategy } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import { describe, expect, test } from 'vitest'
import '../../support/allclose.ts'

/** Steps of several rounds of deltas, one array a round. */
function steps(strategy: Strategy, rounds: readonly (readonly number[])[]): number[][] {
  const aggregator = createAggregator(strategy)
  const size = rounds[0]?.length ?? 0
  const state = aggregator.state.map(({ initial }) => new Float32Array(size).fill(initial))
  return rounds.map((deltas) => {
    const values = Float32Array.from(deltas)
    aggregator.move(values, state)
    return [...values]
  })
}

const random = createRandom('server steps')
const ROUNDS = Array.from({ length: 6 }, () => Array.from({ length: 5 }, () => random.normal()))
/** State and steps are float32; six rounds of roundings, each 2⁻²⁴ of a number of about the step's size. */
const FLOAT32 = { relative: 1e-5, absolute: 1e-7 }

describe('fedavgm', () => {
  const of = (more: { momentum?: number; nesterov?: boolean; learningRate?: number } = {}): Strategy => ({
    name: 'fedavgm',
    learningRate: 1,
    momentum: 0.9,
    nesterov: false,
    ...more,
  })
  test('without momentum and at rate 1 is the mean', () => {
    for (const [i, step] of steps(of({ momentum: 0 }), ROUNDS).entries())
      expect(step).toEqual([...Float32Array.from(ROUNDS[i] ?? [])])
  })
  test('of equal rounds goes to delta/(1 − β), with Nesterov as without', () => {
    const equal = Array.from({ length: 200 }, () => [1])
    for (const nesterov of [false, true])
      expect(steps(of({ nesterov }), equal).at(-1)).toBeAllclose([10], { relative: 1e-5 })
  })
  test.each([false, true])('is the loop of the paper, Nesterov %s', (nesterov) => {
    const m = [0, 0, 0, 0, 0]
    const want = ROUNDS.map((round) =>
      round.map((delta, i) => {
        m[i] = 0.9 * (m[i] ?? 0) + delta
        return 0.7 * (nesterov ? delta + 0.9 * (m[i] ?? 0) : (m[i] ?? 0))
      }),
    )
    const got = steps(of({ nesterov, learningRate: 0.7 }), ROUNDS)
    for (const [i, step] of got.entries()) expect(step).toBeAllclose(want[i] ?? [], FLOAT32)
  })
})

describe.each(['fedadam', 'fedyogi'] as const)('%s', (name) => {
  const strategy: Strategy = { name, learningRate: 0.1, beta1: 0.9, beta2: 0.99, tau: 1e-3 }

  test('is the loop of the paper', () => {
    const m = [0, 0, 0, 0, 0]
    const v = m.map(() => 1e-6)
    const want = ROUNDS.map((round) =>
      round.map((delta, i) => {
        m[i] = 0.9 * (m[i] ?? 0) + 0.1 * delta
        const [before = 0, square] = [v[i], delta ** 2]
        v[i] =
          name === 'fedadam'
            ? 0.99 * before + 0.01 * square
            : before - 0.01 * square * Math.sign(before - square)
        return (0.1 * (m[i] ?? 0)) / (Math.sqrt(v[i] ?? 0) + 1e-3)
      }),
    )
    for (const [i, step] of steps(strategy, ROUNDS).entries())
      expect(step).toBeAllclose(want[i] ?? [], FLOAT32)
  })
  test('the first step of any delta far above τ is η·(1−β₁)/√(1−β₂) in its direction', () => {
    // m = 0.1·Δ, v ≈ 0.01·Δ²: m/√v = 1.
    expect(steps(strategy, [[1000, -1000]])[0]).toBeAllclose([0.1, -0.1], { relative: 1e-4 })
  })
  test('stays still where nothing moves', () => {
    expect(steps(strategy, [[0], [0]])).toEqual([[0], [0]])
  })
})

test('after one large round yogi forgets it no faster than Δ², adam by a fixed share', () => {
  const rounds = [[1000], ...Array.from({ length: 50 }, () => [1])]
  const last = (name: 'fedadam' | 'fedyogi') =>
    steps({ name, learningRate: 0.1, beta1: 0, beta2: 0.9, tau: 1e-3 }, rounds).at(-1)?.[0] ?? Number.NaN
  // Adam's v is 1e5·0.9⁵⁰ = 515 by then; yogi's still nearly 1e5.
  expect(last('fedadam')).toBeGreaterThan(10 * last('fedyogi'))
})
