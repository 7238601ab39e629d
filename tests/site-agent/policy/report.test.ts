import { describe, expect, test } from 'vitest'
import { reportable } from '../../../site-agent/policy/report.ts'
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
