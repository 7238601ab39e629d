import { createRandom } from '@tessera/shared/random'
import { array, assert, double, integer, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { divide } from '../../../site-agent/teacher-training/divide.ts'

const labelsOf = (...counts: number[]): Int32Array =>
  Int32Array.from(counts.flatMap((count, label) => Array.from({ length: count }, () => label)))

describe('divide()', () => {
  test('puts every tile in one part, and of each class the nearest number in the second', () => {
    const counts = array(integer({ min: 2, max: 40 }), { minLength: 1, maxLength: 5 })
    assert(
      property(counts, double({ min: 0.01, max: 0.99, noNaN: true }), integer(), (counts, share, seed) => {
        const labels = labelsOf(...counts)
        const { training, validation } = divide(labels, share, createRandom(`${seed}`))
        expect([...training, ...validation].toSorted((a, b) => a - b)).toEqual([...labels.keys()])
        for (const [label, count] of counts.entries()) {
          const got = validation.filter((place) => labels[place] === label).length
          expect(got).toBe(Math.min(count - 1, Math.max(1, Math.round(share * count))))
        }
      }),
    )
  })
  test('is the same for the same seed, another for another, and does not hang on the order of the classes', () => {
    const labels = labelsOf(20, 20)
    const of = (seed: string): number[] => divide(labels, 0.3, createRandom(seed)).validation
    expect(of('a')).toEqual(of('a'))
    expect(of('a')).not.toEqual(of('b'))
    const swapped = Int32Array.from(labels, (label) => 1 - label)
    const places = divide(swapped, 0.3, createRandom('a')).validation
    // What class 1 had drawn from the last twenty places it now draws from the first twenty.
    const drawn = of('a')
      .filter((place) => place >= 20)
      .map((place) => place - 20)
    expect(places.filter((place) => place < 20)).toEqual(drawn)
  })
  test('trains on the only tile of a class', () => {
    const { training, validation } = divide(labelsOf(1, 4), 0.25, createRandom('seed'))
    expect(training).toContain(0)
    expect(validation).toHaveLength(1)
  })
  test('refuses tiles of which no part would have any', () => {
    expect(() => divide(labelsOf(1, 1), 0.5, createRandom('seed'))).toThrow(
      expect.objectContaining({
        code: 'ERR_DATA_FOLDER',
        message: 'data must have at least 2 tiles of a class to divide, got 2 tiles in 2 classes',
      }),
    )
  })
})
