import { describe, expect, test } from 'vitest'
import { curvePoint, testedRounds } from '../../../simulations/experiment/curve.ts'

describe('testedRounds()', () => {
  test.each([
    [5, 1, [1, 2, 3, 4, 5]],
    [5, 2, [2, 4, 5]],
    [6, 3, [3, 6]],
    [4, 9, [4]],
    [1, 1, [1]],
    [5, 0, []],
  ])('of %d rounds with every %d: %j', (rounds, every, expected) => {
    expect(testedRounds(rounds, every)).toEqual(expected)
  })
})

test('curvePoint() counts the right answers on all sites', () => {
  const answers = [
    { truth: [0, 1, 1], predicted: [0, 0, 1] },
    { truth: [2], predicted: [2] },
  ]
  expect(curvePoint(7, answers)).toEqual({ round: 7, correct: 3, tiles: 4 })
})
