import { describe, expect, test } from 'vitest'
import { compareText } from '../../../simulations/experiment/compare.ts'
import { csvText } from '../../../simulations/experiment/csv.ts'
import { summaries } from '../../../simulations/experiment/summary.ts'
import { results, row } from '../../support/experiment-results.ts'

describe('summaries()', () => {
  test('takes the mean over seeds, with Student’s interval', () => {
    const [arm] = summaries([row(6, { seed: '1' }), row(8, { seed: '2' }), row(7, { seed: '3' })])
    expect(arm?.metrics.accuracy.mean).toBeCloseTo(0.7, 12)
    // t(0.975, 2) = 4.303; the values' deviation is 0.1.
    expect(arm?.metrics.accuracy.high).toBeCloseTo(0.7 + (4.303 * 0.1) / Math.sqrt(3), 4)
    expect(arm?.seeds).toBe(3)
  })
  test('counts sites alone as one arm, each seed with the mean over its sites', () => {
    const alone = (right: number, seed: string, site: string) => row(right, { kind: 'alone', seed, site })
    const [arm, ...others] = summaries([
      alone(4, '1', 'a'),
      alone(6, '1', 'b'),
      alone(8, '2', 'a'),
      alone(10, '2', 'b'),
    ])
    expect(others).toEqual([])
    expect(arm?.metrics.accuracy.values).toEqual([0.5, 0.9])
  })
  test('leaves out a teacher that has no answer, and gives one seed no interval', () => {
    expect(summaries([row(5, { scores: null })])).toEqual([])
    const [arm] = summaries([row(5)])
    expect(arm?.metrics.accuracy).toEqual({ mean: 0.5, low: Number.NaN, high: Number.NaN, values: [0.5] })
  })
})

test('csvText() has a line a test site and one for all, and quotes what needs it', () => {
  const lines = csvText([row(7, { method: 'a,"b"' })]).split('\r\n')
  expect(lines).toHaveLength(4)
  expect(lines[0]).toMatch(/^split,sites,seed,kind,method,scenario,trained_on,tested_on,tiles,accuracy,/)
  expect(lines[1]).toMatch(/^folder,2,1,central,"a,""b""",calm,all,north,10,0\.7000,/)
  expect(lines[2]).toContain(',all,all,10,0.7000,')
})

describe('compareText()', () => {
  test('gives the difference over the seeds that both have', () => {
    const [a, b] = [
      results([row(6, { seed: '1' }), row(7, { seed: '2' }), row(1, { seed: 'only here' })]),
      results([row(8, { seed: '1' }), row(9, { seed: '2' })]),
    ]
    expect(compareText(a, b).split('\n')[1]).toMatch(
      /folder, 2 sites: central ce +46\.7 +85\.0 +20\.0 ± 0\.0$/,
    )
  })
  test('says when the cells are the same, and refuses runs that share no arm', () => {
    const a = results([row(6)])
    expect(compareText(a, a)).toMatch(/the same cells$/)
    expect(() => compareText(a, results([row(6, { method: 'kd' })]))).toThrowError(
      expect.objectContaining({ code: 'ERR_EXPERIMENT_FILE' }),
    )
  })
})
