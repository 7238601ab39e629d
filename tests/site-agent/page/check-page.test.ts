import { describe, expect, test } from 'vitest'
import { type CheckPage, checkPage } from '../../../site-agent/page/check-page.ts'
import { htmlTable } from '../../../site-agent/page/html.ts'
import { barPlot, boxPlot, histogramPlot } from '../../../site-agent/page/plots.ts'

const EVIL = '<script>alert("x")</script>'
const stain = { haematoxylin: [0.6, 0.7, 0.3], eosin: [0.1, 0.9, 0.3], strength: [1.5, 1] } as const
const spread = [0, 1, 2, 3, 4] as const
const page: CheckPage = {
  study: EVIL,
  sizePx: 96,
  time: '2026-01-01T00:00:00.000Z',
  fault: null,
  report: {
    tiles: 3,
    classCounts: [{ name: EVIL, tiles: 3, parts: { train: 3, val: 0, test: 7 } }],
    parts: { train: 3, val: 0, test: 7 },
    labels: [
      { label: EVIL, className: EVIL, tiles: 10 },
      { label: 'other', className: null, tiles: 2 },
    ],
    skipped: { ERR_DATA_TILE_UNREADABLE: 41, ERR_DATA_TILE_NOT_RGB: 0, ERR_DATA_TILE_TOO_LARGE: 0 },
    duplicates: 0,
    contradictions: 0,
    nearDuplicates: 42,
    leaks: { patient: 43, slide: 0, group: 0, duplicate: 0, 'near-duplicate': 0 },
    resized: 0,
    otherFiles: 0,
    missingClasses: [],
    inMemory: true,
  },
  quality: {
    sharpness: { from: 0, to: 4, counts: [1, 2] },
    background: { from: 0, to: 1, counts: [3, 0] },
    empty: 1,
    blurred: 2,
    classes: [
      { name: EVIL, tiles: 3, sharpness: spread, background: spread, haematoxylin: spread, eosin: null },
    ],
    stains: [
      { scanner: null, tiles: 3, stain },
      { scanner: 1, tiles: 1, stain: null },
    ],
  },
  findings: [{ name: 'disk', status: 'fail', text: EVIL, advice: 'Make room.' }],
}

describe('checkPage()', () => {
  const html = checkPage(page)
  test('needs nothing else and runs nothing, whatever names say', () => {
    expect(html).not.toContain('<script')
    expect(html).toContain("default-src 'none'; style-src 'unsafe-inline'")
    expect(html).not.toMatch(/<(img|link|iframe|object|image)|href=|src=|url\(|@import|https?:/)
  })
  test('holds the counts, and what stands in the way', () => {
    const cells = [...html.matchAll(/<td[^>]*>([^<]*)<\/td>/g)].map(([, text]) => text)
    expect(cells).toEqual(expect.arrayContaining(['41', '42', '43', '(left out)', 'scanner 2']))
    expect(html).toContain('Not ready: failed: disk')
    expect(checkPage({ ...page, findings: [] })).toContain('Ready to train.')
    expect(checkPage({ ...page, fault: 'data must be good, got bad' })).toContain(
      'Not ready: data must be good, got bad',
    )
  })
  test('closes every element it opens', () => {
    const open: string[] = []
    for (const [, end, name = '', rest = ''] of html
      .replace('<!doctype html>', '')
      .matchAll(/<(\/?)([a-z0-9]+)([^>]*)>/g)) {
      if (['meta', 'br'].includes(name) || rest.endsWith('/')) continue
      if (end === '/') expect(open.pop()).toBe(name)
      else open.push(name)
    }
    expect(open).toEqual([])
  })
  test('is there when not even a list of tiles could be had', () => {
    expect(checkPage({ ...page, report: null, quality: null, fault: 'x' })).toContain('Not ready: x')
  })
})

test('barPlot() draws parts one after another, as long as their shares of the longest', () => {
  const rects = [
    ...barPlot('x', [
      { name: 'a', parts: [1, 3] },
      { name: 'b', parts: [2] },
    ]).matchAll(/class="part(\d)" x="([\d.]+)" y="\d+" width="([\d.]+)"/g),
  ]
  expect(rects.map(([, ...numbers]) => numbers.map(Number))).toEqual([
    [0, 150, 107.5],
    [1, 257.5, 322.5],
    [0, 150, 215],
  ])
})

test('histogramPlot() and boxPlot() keep within their drawing, also without values', () => {
  const drawings = [
    histogramPlot('h', { from: 0, to: 1, counts: [0, 5, 1] }, String),
    histogramPlot('h', { from: 0, to: 1, counts: [0, 0] }, String),
    boxPlot(
      'b',
      [
        { name: 'a', spread: [-2, -1, 0, 1, 9] },
        { name: 'none', spread: null },
      ],
      String,
    ),
    boxPlot('b', [], String),
  ]
  for (const drawing of drawings) {
    const numbers = [...drawing.matchAll(/ (?:x|y|x1|x2|y1|y2|width|height)="([^"]*)"/g)].map(([, value]) =>
      Number(value),
    )
    expect(numbers.every((value) => value >= 0 && value <= 640)).toBe(true)
  }
})

test('htmlTable() flushes numbers right', () => {
  expect(
    htmlTable([
      ['a', 'b'],
      ['x', 1],
    ]),
  ).toContain('<th>a</th><th class="number">b</th>')
})
