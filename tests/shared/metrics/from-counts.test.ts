import { accuracy, COUNT_METRICS, confusionMatrix, itemsOf, sumCounts } from '@tessera/shared/metrics'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const CLASSES = 3
const items = fc.array(fc.tuple(fc.nat(CLASSES - 1), fc.nat(CLASSES - 1)))
const matrixOf = (pairs: [number, number][]) =>
  confusionMatrix(
    pairs.map(([truth]) => truth),
    pairs.map(([, called]) => called),
    CLASSES,
  )

describe('sumCounts()', () => {
  test('is the matrix of all items together, however they are divided and ordered', () => {
    fc.assert(
      fc.property(items, items, items, (a, b, c) => {
        const whole = matrixOf([...a, ...b, ...c])
        expect(sumCounts([a, b, c].map(matrixOf), CLASSES)).toEqual(whole)
        expect(sumCounts([c, a, b].map(matrixOf), CLASSES)).toEqual(whole)
      }),
    )
  })
  test('a row that is not told adds nothing, and the others count', () => {
    const sum = sumCounts(
      [
        [[5, 1], null],
        [
          [2, 0],
          [1, 3],
        ],
      ],
      2,
    )
    expect(sum).toEqual([
      [7, 1],
      [1, 3],
    ])
    expect(accuracy(sum)).toBe(10 / 12)
  })
  test('does not change what it sums', () => {
    const first = [
      [1, 0],
      [0, 1],
    ]
    sumCounts([first, first], 2)
    expect(first).toEqual([
      [1, 0],
      [0, 1],
    ])
  })
  test('of nothing is without items, and no score says anything', () => {
    const none = sumCounts([], 2)
    expect(itemsOf(none)).toBe(0)
    for (const score of Object.values(COUNT_METRICS)) expect(score(none)).toBeNaN()
  })
})

describe('itemsOf()', () => {
  test('counts what is told', () => {
    expect(itemsOf([[5, 1], null, [0, 2]])).toBe(8)
  })
})
