import { describe, expect, test } from 'vitest'
import { areaOf } from '../../../../site-agent/data/wsi/annotation.ts'
import { parseGeoJson } from '../../../../site-agent/data/wsi/geojson.ts'

const square = (side: number, at = 0) => [
  [at, at],
  [at + side, at],
  [at + side, at + side],
  [at, at + side],
  [at, at],
]
const feature = (geometry: unknown, properties: unknown = { classification: { name: 'Tumor' } }) => ({
  type: 'Feature',
  id: 'a7',
  geometry,
  properties,
})
const polygon = (...rings: unknown[]) => ({ type: 'Polygon', coordinates: rings })
const parse = (...features: unknown[]) =>
  parseGeoJson(JSON.stringify({ type: 'FeatureCollection', features }))

describe('parseGeoJson()', () => {
  test('reads a polygon with a hole, its rings without their repeated corner', () => {
    const { polygons, ignored } = parse(feature(polygon(square(10), square(4, 2))))
    expect(ignored).toBe(0)
    expect(polygons.map(({ name, rings }) => [name, rings.map((ring) => [...ring])])).toEqual([
      [
        'Tumor',
        [
          [0, 0, 10, 0, 10, 10, 0, 10],
          [2, 2, 6, 2, 6, 6, 2, 6],
        ],
      ],
    ])
    expect(polygons.map(areaOf)).toEqual([84])
  })
  test('takes a multipolygon as one polygon for each part', () => {
    const geometry = { type: 'MultiPolygon', coordinates: [[square(10)], [square(5, 20), square(1, 21)]] }
    expect(parse(feature(geometry)).polygons.map(areaOf)).toEqual([100, 24])
  })
  test('reads what QuPath writes beside: ids, colours, measurements, a height', () => {
    const properties = {
      objectType: 'annotation',
      name: 'somebody',
      classification: { name: ' Stroma ', color: [1, 2, 3] },
      isLocked: true,
      measurements: { 'Area µm^2': 4 },
    }
    const ring = square(4).map((corner) => [...corner, 0])
    const extra = { ...feature(polygon(ring), properties), nucleusGeometry: {} }
    expect(parse(extra).polygons).toMatchObject([{ name: 'Stroma' }])
  })
  test('names a derived class the same, stored as one name or several', () => {
    const derived = feature(polygon(square(4)), { classification: { names: ['Tumor', 'Positive'] } })
    expect(parse(derived).polygons[0]?.name).toBe('Tumor: Positive')
  })
  test('reads the arrays and the single features of older versions', () => {
    const one = feature(polygon(square(4)))
    expect(parseGeoJson(JSON.stringify([one, one])).polygons.length).toBe(2)
    expect(parseGeoJson(JSON.stringify(one)).polygons.length).toBe(1)
  })
  test('counts what has no area, no class, or was not drawn by hand', () => {
    const classed = { classification: { name: 'Tumor' } }
    const { polygons, ignored } = parse(
      feature({ type: 'Point', coordinates: [1, 2] }),
      feature({
        type: 'LineString',
        coordinates: [
          [1, 2],
          [3, 4],
        ],
      }),
      feature(null),
      feature(polygon(square(4)), {}),
      feature(polygon(square(4)), null),
      feature(polygon(square(4)), { ...classed, objectType: 'detection' }),
      feature(polygon(square(4)), { ...classed, objectType: 'annotation' }),
    )
    expect({ polygons: polygons.length, ignored }).toEqual({ polygons: 1, ignored: 6 })
  })
  test.each<[string, unknown, string]>([
    ['no rings', polygon(), 'a polygon must have at least 1 ring, got none'],
    [
      'a ring of two corners',
      polygon([
        [0, 0],
        [1, 1],
        [0, 0],
      ]),
      'a ring must have at least 3 corners, got 2',
    ],
    ['a ring that is none', polygon(7), 'a ring must be a list of corners, got something else'],
    [
      'a corner of text',
      polygon([
        ['0', 0],
        [1, 1],
        [2, 0],
      ]),
      'a corner must be two numbers, got something else',
    ],
    ['a corner of one number', polygon([[0], [1], [2]]), 'a corner must be two numbers, got something else'],
    [
      'a corner far away',
      polygon([
        [0, 0],
        [1e9, 1],
        [2, 0],
      ]),
      'a corner must lie on the slide, got a number that is too large or none',
    ],
    ['no parts', { type: 'MultiPolygon', coordinates: null }, 'a MultiPolygon must have polygons, got none'],
  ])('refuses %s', (_, geometry, message) => {
    expect(() => parse(feature(geometry))).toThrowError(
      expect.objectContaining({ code: 'ERR_SLIDE_ANNOTATION', message: `annotations: ${message}` }),
    )
  })
  test.each([
    ['no JSON', '{"type":'],
    ['another object', '{"type":"Topology"}'],
    ['features that are none', '{"type":"FeatureCollection","features":[1]}'],
    ['lists within lists without end', '['.repeat(100_000)],
    [
      'a class without letters',
      JSON.stringify(feature(polygon(square(4)), { classification: { name: '  ' } })),
    ],
  ])('refuses %s with ERR_SLIDE_ANNOTATION', (_, text) => {
    expect(() => parseGeoJson(text)).toThrowError(expect.objectContaining({ code: 'ERR_SLIDE_ANNOTATION' }))
  })
})
