import { accuracy, bootstrapInterval, macroF1 } from '@tessera/shared/metrics'
import { createRandom } from '@tessera/shared/random'
import { describe, expect, test } from 'vitest'

const options = { seed: 'bootstrap', resamples: 2000, level: 0.95 }
/** `right` correct out of `total`, two classes alternating. */
const answers = (right: number, total: number): { truth: number[]; predicted: number[] } => {
  const truth = Array.from({ length: total }, (_, i) => i % 2)
  return { truth, predicted: truth.map((t, i) => (i < right ? t : 1 - t)) }
}

describe('bootstrapInterval()', () => {
  test('is close to the normal interval of a proportion', () => {
    const { truth, predicted } = answers(320, 400)
    const { low, high } = bootstrapInterval(truth, predicted, accuracy, options)
    const half = 1.96 * Math.sqrt((0.8 * 0.2) / 400)
    // 2000 draws place the ends within about a tenth of the half width.
    expect(Math.abs(low - (0.8 - half))).toBeLessThan(0.006)
    expect(Math.abs(high - (0.8 + half))).toBeLessThan(0.006)
  })
  test('covers the true accuracy about as often as its level says', () => {
    const random = createRandom('coverage')
    const truth = Array.from({ length: 60 }, () => 0)
    let covered = 0
    for (let k = 0; k < 200; k++) {
      const predicted = truth.map(() => (random.float() < 0.7 ? 0 : 1))
      const { low, high } = bootstrapInterval(truth, predicted, accuracy, {
        seed: `run-${k}`,
        resamples: 200,
        level: 0.9,
      })
      if (low <= 0.7 && 0.7 <= high) covered++
    }
    expect(covered).toBeGreaterThan(160)
    expect(covered).toBeLessThan(200)
  })
  test('is a point when every answer is right', () => {
    const { truth } = answers(10, 10)
    expect(bootstrapInterval(truth, truth, macroF1, options)).toEqual({ low: 1, high: 1 })
  })
  test('is the same for the same seed, another for another', () => {
    const { truth, predicted } = answers(31, 47)
    const first = bootstrapInterval(truth, predicted, accuracy, { ...options, resamples: 50 })
    expect(bootstrapInterval(truth, predicted, accuracy, { ...options, resamples: 50 })).toEqual(first)
    expect(
      bootstrapInterval(truth, predicted, accuracy, { ...options, resamples: 50, seed: 'other' }),
    ).not.toEqual(first)
  })
  test('is wider when tiles are drawn by group and a group is right or wrong as a whole', () => {
    const groups = Array.from({ length: 200 }, (_, i) => `patient-${Math.floor(i / 10)}`)
    const truth = groups.map(() => 0)
    const predicted = groups.map((_, i) => (Math.floor(i / 10) % 2 === 0 ? 0 : 1))
    const byTile = bootstrapInterval(truth, predicted, accuracy, { ...options, classes: 2 })
    const byGroup = bootstrapInterval(truth, predicted, accuracy, { ...options, classes: 2, groups })
    expect(byGroup.high - byGroup.low).toBeGreaterThan(2 * (byTile.high - byTile.low))
  })
  test('is NaN twice without items', () => {
    expect(bootstrapInterval([], [], accuracy, options)).toEqual({ low: Number.NaN, high: Number.NaN })
  })
})
