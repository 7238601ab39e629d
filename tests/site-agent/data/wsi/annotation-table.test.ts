import { describe, expect, test } from 'vitest'
import { areaOf } from '../../../../site-agent/data/wsi/annotation.ts'
import { parseAnnotationTable } from '../../../../site-agent/data/wsi/annotation-table.ts'

const corners = (head: string, side: number, at = 0): string[] =>
  [
    [at, at],
    [at + side, at],
    [at + side, at + side],
    [at, at + side],
  ].map(([x, y]) => `${head},${x},${y}`)

describe('parseAnnotationTable()', () => {
  test('reads polygons, whatever their lines are mixed with', () => {
    const lines = ['class,polygon,x,y', ...corners('Tumor,1', 10), '', ...corners('Stroma,2', 4.5)]
    const { polygons } = parseAnnotationTable(lines.join('\r\n'))
    expect(polygons.map((polygon) => [polygon.name, areaOf(polygon)])).toEqual([
      ['Tumor', 100],
      ['Stroma', 20.25],
    ])
  })
  test('reads holes by their ring, and columns in any order', () => {
    const text = `ring,polygon,class,x,y,note\n${[...corners('0,a,"Tumor"', 10), ...corners('1,a,"Tumor"', 3, 2)].join('\n')}`
    expect(parseAnnotationTable(text).polygons.map(areaOf)).toEqual([91])
  })
  test('reads a class with a comma in quotes', () => {
    const lines = ['class,polygon,x,y', ...corners('"Tumor, in situ",1', 10)]
    expect(parseAnnotationTable(lines.join('\n')).polygons.map(({ name }) => name)).toEqual([
      'Tumor, in situ',
    ])
  })
  test.each([
    [
      'class,polygon,x,y\n"Tumor,1,1,1',
      'quotes must be in pairs, no line overlong, got CSV_QUOTE_NOT_CLOSED in line 2',
    ],
    ['x,y\n1,2', 'a .csv file must have columns class, polygon, x, y, got no class, polygon'],
    ['', 'a .csv file must have columns class, polygon, x, y, got no class, polygon, x, y'],
    ['class,polygon,x,y\nTumor,1,1,\n', 'x and y must be numbers, got none in line 2'],
    ['class,polygon,x,y\nTumor,1,1,Infinity', 'x and y must be numbers, got none in line 2'],
    ['class,polygon,x,y\nTumor,1,1,1.2.3', 'x and y must be numbers, got none in line 2'],
    ['class,polygon,x,y\nTumor,1,1,1\nStroma,1,2,2', 'a polygon must have one class, got another in line 3'],
    ['class,polygon,x,y\nTumor,1,1,1\nTumor,1,2,2', 'a ring must have at least 3 corners, got 2'],
  ])('refuses %j', (text, message) => {
    expect(() => parseAnnotationTable(text)).toThrowError(
      expect.objectContaining({ code: 'ERR_SLIDE_ANNOTATION', message: `annotations: ${message}` }),
    )
  })
})
