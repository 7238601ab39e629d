import { describe, expect, test } from 'vitest'
import type { Examples } from '../../../../simulations/experiment/examples.ts'
import { reportPage } from '../../../../simulations/experiment/report/page.ts'
import { results, row } from '../../../support/experiment-results.ts'

const PNG = Buffer.from('a painted tile')
const EXAMPLES: Examples = {
  split: 'folder',
  sites: 2,
  seed: '1',
  tiles: [
    { site: 'north', truth: 0, png: PNG },
    { site: 'south', truth: 1, png: PNG },
  ],
  arms: [{ title: 'central ce', answers: [0, 0] }],
}

describe('reportPage()', () => {
  test('needs nothing beside itself, and runs nothing', () => {
    const page = reportPage(results([row(7)]), [EXAMPLES])
    expect(page).not.toMatch(/<script|<link|https?:|url\(/)
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"`)
    expect([...page.matchAll(/src="([^"]*)"/g)].map(([, from]) => from)).toEqual(
      EXAMPLES.tiles.map(({ png }) => `data:image/png;base64,${Buffer.from(png).toString('base64')}`),
    )
    expect(page).toContain('central ce')
  })
  test('has no picture where there are no examples', () => {
    expect(reportPage(results([row(7)]))).not.toMatch(/<img|base64/)
  })
  test('tells right answers from wrong ones', () => {
    const page = reportPage(results([row(7)]), [EXAMPLES])
    expect(page).toContain('<td><span class="right">✓ a</span></td><td><span class="wrong">✗ a</span></td>')
  })
  test('has the accuracy of each round, with the lowest and highest seed, a site alone as the mean over sites', () => {
    const cell = (right: readonly number[], fields: Parameters<typeof row>[1]) => {
      const { result } = row(5)
      const curve = right.map((correct, i) => ({ round: i + 1, correct, tiles: 10 }))
      return row(5, { ...fields, result: { ...result, curve } })
    }
    const chart = (cells: Parameters<typeof results>[0]): string =>
      /<figcaption>Accuracy in % by round.*?<\/figure>/s.exec(reportPage(results(cells)))?.[0] ?? ''
    // Two seeds: 20 and 60 %, then 60 and 100 %; an axis from 20 to 100.
    const seeds = chart([cell([2, 6], { seed: '1' }), cell([6, 10], { seed: '2' })])
    expect(seeds).toContain('<polyline points="40.0,157.0 410.0,59.0"')
    expect(seeds).toContain('<polygon points="40.0,108.0 410.0,10.0 410.0,108.0 40.0,206.0"')
    // Two sites of one seed: no spread over seeds.
    const alone = { kind: 'alone', seed: '1' }
    const sites = chart([cell([2, 6], { ...alone, site: 'a' }), cell([6, 10], { ...alone, site: 'b' })])
    expect(sites).toMatch(/<polygon points="(40\.0,\S+) (410\.0,\S+) \2 \1"/)
  })
  test('leaves out the curve of cells that have none', () => {
    const { result } = row(5)
    const { curve: _, ...before } = result
    expect(reportPage(results([row(5, { result: before })]))).not.toContain('Accuracy in % by round')
  })
  test('never takes a name for markup', () => {
    const page = reportPage(
      {
        ...results([row(7, { method: '<b>', split: '<i>' })], '<script>alert(1)</script>'),
        classes: ['<u>', '&'],
      },
      [{ ...EXAMPLES, split: '<i>', tiles: [{ site: '<s>', truth: 0, png: PNG }] }],
    )
    expect(page).not.toMatch(/<script|<b>|<i>|<u>|<s>/)
    expect(page).toContain('<img')
  })
  test('the same results give the same page', () => {
    const given = (): Parameters<typeof reportPage> => [results([row(7), row(6, { seed: '2' })]), [EXAMPLES]]
    expect(reportPage(...given())).toBe(reportPage(...given()))
  })
})
