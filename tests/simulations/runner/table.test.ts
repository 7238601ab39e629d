import { describe, expect, test } from 'vitest'
import { type SiteAnswers, scoreArm } from '../../../simulations/runner/scores.ts'
import { countLines, scoreTable } from '../../../simulations/runner/table.ts'

const names = (n: number): string[] => Array.from({ length: n }, (_, i) => `hospital-${i}`)
const answers = (sites: readonly string[]): SiteAnswers[] =>
  sites.map((site) => ({ site, truth: [0, 1, 1], predicted: [0, 1, 0], groups: ['a', 'b', 'c'] }))

describe('scoreTable()', () => {
  test('has a block a metric, a row an arm, a column a site, and the pooled value with its interval', () => {
    const sites = names(2)
    const rows = [
      { title: 'hospital-0 alone', scores: scoreArm(answers(sites), 2, 's') },
      { title: 'federated', scores: scoreArm(answers(sites), 2, 's') },
    ]
    const lines = scoreTable(rows, sites).split('\n')
    expect(lines.filter((line) => /^(accuracy|macro-F1|quadratic kappa) /.test(line))).toHaveLength(3)
    expect(lines[0]).toMatch(/^accuracy +hospital-0 +hospital-1 +all sites$/)
    expect(lines[1]).toMatch(/^ {2}hospital-0 alone( +\.667 \[\.\d{2},(1|)\.\d{2}\]){3}$/)
    expect(lines.at(-1)).toMatch(/^test tiles +3 +3 +6$/)
  })
  test('cells stand apart, also the longest', () => {
    const score = { value: -0.182, low: -0.31, high: 1 }
    const metrics = { accuracy: score, macroF1: score, quadraticWeightedKappa: score }
    const scores = { tiles: 1, groups: 1, confusion: [], metrics }
    const rows = [{ title: 'teacher', scores: { sites: { a: scores, b: scores }, pooled: scores } }]
    expect(scoreTable(rows, ['a', 'b']).split('\n')[1]).toMatch(/^ {2}teacher( +-\.182 \[-\.31,1\.00\]){3}$/)
  })
  test.each([1, 2, 3, 5, 9, 16])('fits 100 columns with %i sites', (n) => {
    const sites = names(n)
    const text = scoreTable(
      [{ title: 'federated, cross-entropy', scores: scoreArm(answers(sites), 2, 's') }],
      sites,
    )
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
    for (const site of sites) expect(text).toContain(` ${site}`)
    expect(text.match(/ all sites$/gm)).toHaveLength(3)
  })
})

test('countLines() gives tiles by class and their sum, and says when the teacher learnt something else', () => {
  const sites = [{ name: 'a', train: [5, 7], test: [2, 0] }]
  const lines = [
    'classes: x, y',
    'a        train    12 (  5   7)  test     2 (  2   0)',
    'teacher  train    30 ( 10  20)',
  ]
  const classes = ['x', 'y']
  expect(countLines(sites, [10, 20], { classes, teacherClasses: classes })).toBe(lines.join('\n'))
  const other = countLines(sites, [10, 20], { classes, teacherClasses: ['u', 'v'] })
  expect(other).toBe(`${lines.join('\n')}  of another task: u, v`)
})
