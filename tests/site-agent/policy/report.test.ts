import { describe, expect, test } from 'vitest'
import { reportable, tellable } from '../../../site-agent/policy/report.ts'
import { aManifest } from '../../support/signed-parts.ts'

const smallest = { smallestSampleCount: 10, smallestClassCount: 5 }
const metrics = { ...aManifest().metrics, kl: 1, nce: 1, correct: 60, seen: 100, skippedTiles: 2 }
const withheld = { ...metrics, loss: null, ce: null, kl: null, nce: null, correct: null }

describe('reportable()', () => {
  test('tells all of a site that is large enough, with a class that it has nothing of', () => {
    expect(reportable(100, metrics, smallest, [50, 0, 50])).toEqual(metrics)
  })
  test.each([
    ['too few tiles', 9, [5, 4]],
    ['too few of one class', 100, [96, 4]],
    ['tiles that nobody counted', 100, null],
  ])('withholds every mean with %s', (_, samples, counts) => {
    expect(reportable(samples, metrics, smallest, counts)).toEqual(withheld)
  })
  test.each([
    [9, null],
    [10, 10],
    [91, null],
    [90, 90],
    [0, 0],
    [100, 100],
  ])('of 100 answers, %d right are told as %s', (correct, want) => {
    expect(reportable(100, { ...metrics, correct }, smallest, [50, 50]).correct).toBe(want)
  })
  test('has nothing to withhold from what it gave', () => {
    for (const [samples, correct] of [
      [9, 5],
      [100, 3],
      [100, 60],
    ] as const) {
      const once = reportable(samples, { ...metrics, correct }, smallest, [50, 50])
      expect(reportable(samples, once, smallest, [50, 50])).toEqual(once)
    }
  })
})

describe('tellable()', () => {
  const rules = { ...smallest, judging: 'counts' } as const
  const told = (counts: number[][], changes = {}) => tellable(counts, { ...rules, ...changes })

  test('tells all counts of a site that is large enough, however small a cell is', () => {
    const counts = [
      [9, 1],
      [0, 12],
    ]
    expect(told(counts)).toEqual({ counts, withheld: null })
  })
  test('leaves out a class of fewer tiles than the smallest count, and tells a class of none', () => {
    expect(
      told([
        [3, 1, 0],
        [2, 10, 0],
        [0, 0, 0],
      ]),
    ).toEqual({ counts: [null, [2, 10, 0], [0, 0, 0]], withheld: null })
  })
  test('tells nothing when what is left is of too few tiles, or of none', () => {
    const few = { counts: null, withheld: 'few-tiles' }
    expect(
      told([
        [9, 0],
        [0, 0],
      ]),
    ).toEqual(few)
    expect(
      told([
        [9, 0],
        [4, 0],
      ]),
    ).toEqual(few)
    expect(
      told(
        [
          [4, 0],
          [4, 0],
        ],
        { smallestSampleCount: 1 },
      ),
    ).toEqual(few)
  })
  test('tells that there is no tile, unless the policy says nothing at all', () => {
    expect(
      told([
        [0, 0],
        [0, 0],
      ]),
    ).toEqual({ counts: null, withheld: 'no-tiles' })
    expect(
      told(
        [
          [0, 0],
          [0, 0],
        ],
        { judging: 'withheld' },
      ),
    ).toEqual({ counts: null, withheld: 'policy' })
    expect(
      told(
        [
          [50, 0],
          [0, 50],
        ],
        { judging: 'withheld' },
      ),
    ).toEqual({ counts: null, withheld: 'policy' })
  })
})
