import { describe, expect, test } from 'vitest'
import { colourfulness, tissueCells, tissueShare } from '../../../../site-agent/data/wsi/tissue.ts'
import { eosin, GLASS } from '../../../support/slide-files.ts'

type Colour = readonly [number, number, number]
const cell = (colour: Colour): number =>
  colourfulness(Uint8Array.from([...colour, ...colour, ...colour, ...colour]), 1, 1, 2)[0] as number

describe('colourfulness()', () => {
  test('is the largest colour less the smallest, of a cell’s mean', () => {
    // Two cells of 2 x 2: their rows lie between each other.
    const row = [200, 100, 150, 220, 120, 150, 250, 250, 250, 240, 250, 250]
    expect([...colourfulness(Uint8Array.from([...row, ...row]), 2, 1, 2)]).toEqual([100, 5])
  })
  test.each<[string, Colour]>([
    ['glass', GLASS],
    ['grey dirt', [120, 118, 121]],
    ['black pen, though its hue is clear', [48, 20, 10]],
    ['green pen', [60, 160, 90]],
  ])('is low for %s', (_, colour) => expect(cell(colour)).toBeLessThanOrEqual(3))
  test.each<[string, Colour]>([
    ['eosin', eosin(0, 0)],
    ['haematoxylin', [90, 70, 140]],
    ['DAB', [150, 110, 80]],
    ['pale stroma', [235, 205, 225]],
  ])('is high for %s', (_, colour) => expect(cell(colour)).toBeGreaterThanOrEqual(30))
})

describe('tissueCells()', () => {
  const cells = (rows: readonly string[]): Uint8Array =>
    tissueCells(
      Uint8Array.from(rows.join(''), (value) => Number(value) * 10),
      rows[0]?.length ?? 0,
      rows.length,
    )
  const text = (mask: Uint8Array, columns: number): string[] =>
    Buffer.from(mask)
      .toString('hex')
      .replaceAll(/0(.)/g, '$1')
      .match(new RegExp(`.{${columns}}`, 'g')) ?? []

  test('parts tissue from glass, drops a speck and closes a gap', () => {
    const mask = cells(['0077770', '0075770', '0170770', '0077770', '0000000', '0500000', '0000000'])
    expect(text(mask, 7)).toEqual([
      '0011110',
      '0011110',
      '0011110',
      '0001100',
      '0000000',
      '0000000',
      '0000000',
    ])
  })
  test('is all tissue on a slide that is full of it, pale and dark', () => {
    expect(text(cells(['4949', '9494', '4994']), 4)).toEqual(['1111', '1111', '1111'])
  })
  test('is no tissue on an empty slide, however its white varies', () => {
    expect(text(cells(['0101', '1010']), 4)).toEqual(['0000', '0000'])
  })
})

describe('tissueShare()', () => {
  const mask = { columns: 4, rows: 2, cells: Uint8Array.of(1, 1, 0, 0, 1, 0, 0, 0), cellSide: 10 }
  test.each([
    [{ x: 0, y: 0, width: 40, height: 20 }, 3 / 8],
    [{ x: 0, y: 0, width: 20, height: 20 }, 3 / 4],
    [{ x: 4, y: 0, width: 20, height: 10 }, 1],
    [{ x: 6, y: 0, width: 20, height: 10 }, 1 / 2],
    [{ x: 20, y: 0, width: 20, height: 20 }, 0],
  ])('of %o is %s', (rectangle, share) => expect(tissueShare(mask, rectangle)).toBe(share))
  test('is 0 where there are no cells', () => {
    expect(tissueShare(mask, { x: 41, y: 0, width: 20, height: 20 })).toBe(0)
    expect(tissueShare(mask, { x: 0, y: 0, width: 3, height: 3 })).toBe(0)
  })
})
