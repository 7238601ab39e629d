import { confusionMatrix, marginals } from '@tessera/shared/metrics'
import { describe, expect, test } from 'vitest'

describe('confusionMatrix()', () => {
  test('counts rows by truth and columns by prediction', () => {
    expect(confusionMatrix([0, 0, 1, 2, 2], Int32Array.from([0, 1, 1, 0, 2]), 3)).toEqual([
      [1, 1, 0],
      [0, 1, 0],
      [1, 0, 1],
    ])
  })
  test('has marginals that sum to the items', () => {
    const { truth, predicted, correct, total } = marginals(confusionMatrix([0, 0, 1], [0, 1, 1], 2))
    expect({ truth, predicted, correct, total }).toEqual({
      truth: [2, 1],
      predicted: [1, 2],
      correct: [1, 1],
      total: 3,
    })
  })
  test('refuses lengths that differ and indices outside the classes', () => {
    expect(() => confusionMatrix([0, 1], [0], 2)).toThrow(/predicted must have 2 items, got 1/)
    expect(() => confusionMatrix([2], [0], 2)).toThrow(/class index must be in \[0, 2\), got 2 and 0/)
    expect(() => confusionMatrix([0], [-1], 2)).toThrow(/class index/)
  })
})
