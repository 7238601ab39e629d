import {
  accuracy,
  balancedAccuracy,
  type ConfusionMatrix,
  macroF1,
  quadraticWeightedKappa,
} from '@tessera/shared/metrics'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

// truth 0: 4 right, 1 called 1; truth 1: 2 called 0, 3 right, 1 called 2; truth 2: 1 called 1, 5 right. 17 items.
const worked: ConfusionMatrix = [
  [4, 1, 0],
  [2, 3, 1],
  [0, 1, 5],
]
const matrices = fc
  .integer({ min: 2, max: 5 })
  .chain((k) =>
    fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: k, maxLength: k }), {
      minLength: k,
      maxLength: k,
    }),
  )
  .filter((matrix) => matrix.flat().some((n) => n > 0))

describe('accuracy()', () => {
  test('is the share on the diagonal', () => {
    expect(accuracy(worked)).toBeCloseTo(12 / 17, 12)
  })
  test('is NaN without items', () => {
    expect(accuracy([[0]])).toBeNaN()
  })
})

describe('macroF1()', () => {
  test('is the mean of the classes’ F1', () => {
    // F1: 8/11 (5 true, 6 called), 6/11 (6, 5), 10/12 (6, 6)
    expect(macroF1(worked)).toBeCloseTo((8 / 11 + 6 / 11 + 10 / 12) / 3, 12)
  })
  test('leaves out a class that is neither in the truth nor predicted', () => {
    expect(
      macroF1([
        [3, 0, 0],
        [0, 2, 0],
        [0, 0, 0],
      ]),
    ).toBe(1)
  })
  test('counts a class that is only predicted with 0', () => {
    expect(
      macroF1([
        [3, 0, 0],
        [0, 2, 1],
        [0, 0, 0],
      ]),
    ).toBeCloseTo((1 + 4 / 5 + 0) / 3, 12)
  })
})

describe('balancedAccuracy()', () => {
  test('is the mean recall of the classes that the truth has', () => {
    expect(balancedAccuracy(worked)).toBeCloseTo((4 / 5 + 3 / 6 + 5 / 6) / 3, 12)
    expect(
      balancedAccuracy([
        [3, 1],
        [0, 0],
      ]),
    ).toBe(0.75)
  })
})

describe('quadraticWeightedKappa()', () => {
  test('is the worked number of a 3-class matrix', () => {
    // observed = 1+2+1+1 = 5; truth 5,6,6; called 6,5,6; expected = (5·5 + 4·5·6 + 6·6 + 6·6 + 4·6·6 + 6·5)/17 = 391/17 = 23
    expect(quadraticWeightedKappa(worked)).toBeCloseTo(1 - 5 / 23, 12)
  })
  test('is Cohen’s plain kappa for two classes', () => {
    // po = 0.7, pe = (25·30 + 25·20)/50² = 0.5: the example of Cohen (1960) as often quoted
    expect(
      quadraticWeightedKappa([
        [20, 5],
        [10, 15],
      ]),
    ).toBeCloseTo(0.4, 12)
  })
  test('is 0 for predictions that ignore the input and −1 for swapped extremes', () => {
    expect(
      quadraticWeightedKappa([
        [5, 0],
        [5, 0],
      ]),
    ).toBeCloseTo(0, 12)
    expect(
      quadraticWeightedKappa([
        [0, 5],
        [5, 0],
      ]),
    ).toBe(-1)
  })
  test('is 1 when everything is one class and called so, NaN without items', () => {
    expect(
      quadraticWeightedKappa([
        [7, 0],
        [0, 0],
      ]),
    ).toBe(1)
    expect(quadraticWeightedKappa([[0]])).toBeNaN()
  })
  test('punishes a far error more than a near one', () => {
    const near = [
      [9, 1, 0],
      [0, 10, 0],
      [0, 0, 10],
    ]
    const far = [
      [9, 0, 1],
      [0, 10, 0],
      [0, 0, 10],
    ]
    expect(quadraticWeightedKappa(near)).toBeGreaterThan(quadraticWeightedKappa(far))
  })
})

describe('every score', () => {
  test('stays in its range and does not depend on the scale of the counts', () => {
    fc.assert(
      fc.property(matrices, fc.integer({ min: 2, max: 5 }), (matrix, factor) => {
        const scaled = matrix.map((row) => row.map((n) => n * factor))
        for (const metric of [accuracy, macroF1, balancedAccuracy, quadraticWeightedKappa]) {
          const value = metric(matrix)
          expect(value).toBeLessThanOrEqual(1 + 1e-12)
          expect(value).toBeGreaterThanOrEqual(metric === quadraticWeightedKappa ? -1 - 1e-12 : 0)
          expect(metric(scaled)).toBeCloseTo(value, 10)
        }
      }),
    )
  })
})
