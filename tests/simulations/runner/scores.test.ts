import { describe, expect, test } from 'vitest'
import { scoreArm } from '../../../simulations/runner/scores.ts'

const answers = [
  { site: 'a', truth: [0, 0, 1, 1], predicted: [0, 0, 1, 0], groups: ['p1', 'p1', 'p2', 'p2'] },
  { site: 'b', truth: [2, 2], predicted: [2, 1], groups: ['p3', 'p4'] },
]

describe('scoreArm()', () => {
  test('scores each site and all together, on the tiles and not on the sites’ means', () => {
    const { sites, pooled } = scoreArm(answers, 3, 'seed')
    expect(sites['a']?.metrics.accuracy.value).toBe(0.75)
    expect(sites['b']?.metrics.accuracy.value).toBe(0.5)
    expect(pooled.metrics.accuracy.value).toBeCloseTo(4 / 6, 12)
    expect(pooled.confusion).toEqual([
      [2, 0, 0],
      [1, 1, 0],
      [0, 1, 1],
    ])
    expect([pooled.tiles, pooled.groups]).toEqual([6, 4])
  })
  test('has the value inside its interval, and the same draws for every arm', () => {
    const { pooled } = scoreArm(answers, 3, 'seed')
    for (const { value, low, high } of Object.values(pooled.metrics)) {
      expect(low).toBeLessThanOrEqual(value)
      expect(high).toBeGreaterThanOrEqual(value)
    }
    expect(scoreArm(answers, 3, 'seed')).toEqual(scoreArm(answers, 3, 'seed'))
  })
})
