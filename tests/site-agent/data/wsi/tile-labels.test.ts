import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TileGrid } from '../../../../site-agent/data/wsi/tile-grid.ts'
import {
  BARE,
  type LabelledPolygon,
  LEFT_OUT,
  labelTiles,
  UNCLEAR,
} from '../../../../site-agent/data/wsi/tile-labels.ts'

const TILE = 64
const gridOf = (columns: number, rows: number, stride = TILE): TileGrid => ({
  level: 0,
  width: TILE,
  height: TILE,
  coveredWidth: TILE,
  coveredHeight: TILE,
  lefts: Array.from({ length: columns }, (_, i) => i * stride),
  tops: Array.from({ length: rows }, (_, i) => i * stride),
})
const box = (left: number, top: number, right: number, bottom: number): Float64Array =>
  Float64Array.of(left, top, right, top, right, bottom, left, bottom)
const drawn = (label: number, ...rings: Float64Array[]): LabelledPolygon => ({
  label,
  polygon: { name: `class ${label}`, rings },
})
const label = (polygons: readonly LabelledPolygon[], grid = gridOf(1, 1), more = {}): number[] => [
  ...labelTiles({ grid, polygons, classes: 3, leastShare: 0.5, origin: { x: 0, y: 0 }, ...more }),
]

describe('labelTiles()', () => {
  test('gives each tile the class that covers most of it', () => {
    const polygons = [
      drawn(0, box(0, 0, 40, 64)),
      drawn(1, box(40, 0, 128, 64)),
      drawn(2, box(0, 64, 64, 128)),
    ]
    expect(label(polygons, gridOf(2, 2))).toEqual([0, 1, 2, BARE])
  })
  test('adds up the polygons of a class, overlaps once', () => {
    const halves = [drawn(1, box(0, 0, 16, 64)), drawn(1, box(30, 0, 48, 64))]
    expect(label(halves)).toEqual([1])
    expect(label([drawn(1, box(0, 0, 31, 64)), drawn(1, box(0, 0, 30, 64))])).toEqual([UNCLEAR])
  })
  test('is unclear below the least share, and bare where nothing is drawn', () => {
    expect(label([drawn(0, box(0, 0, 31, 64))])).toEqual([UNCLEAR])
    expect(label([drawn(0, box(0, 0, 32, 64))])).toEqual([0])
    expect(label([drawn(0, box(0, 0, 64, 64))], gridOf(1, 1), { leastShare: 1 })).toEqual([0])
    expect(label([drawn(0, box(64, 0, 99, 64))])).toEqual([BARE])
    expect(label([])).toEqual([BARE])
  })
  test('takes holes off', () => {
    expect(label([drawn(0, box(-9, -9, 99, 99), box(0, 0, 64, 40))])).toEqual([UNCLEAR])
  })
  test('counts a point to the smallest polygon around it, in any order', () => {
    const outer = drawn(0, box(-500, -500, 500, 500))
    const inner = drawn(1, box(0, 0, 64, 36))
    expect(label([outer, inner])).toEqual([1])
    expect(label([inner, outer])).toEqual([1])
    expect(label([outer, drawn(1, box(0, 0, 64, 28))])).toEqual([0])
  })
  test('leaves out what is drawn to be left out', () => {
    expect(label([drawn(0, box(0, 0, 200, 200)), drawn(LEFT_OUT, box(0, 0, 64, 40))])).toEqual([LEFT_OUT])
  })
  test('of equal shares takes the class that comes first in the study', () => {
    const polygons = [drawn(2, box(0, 0, 32, 64)), drawn(1, box(32, 0, 64, 64))]
    expect(label(polygons)).toEqual([1])
  })
  test('counts corners from the origin', () => {
    const grid = { ...gridOf(2, 1), lefts: [1000, 1064], tops: [500] }
    expect(label([drawn(1, box(64, 0, 128, 64))], grid, { origin: { x: 1000, y: 500 } })).toEqual([BARE, 1])
  })
  test('labels tiles that overlap each other', () => {
    expect(label([drawn(1, box(0, 0, 64, 64))], gridOf(4, 1, 32))).toEqual([1, 1, BARE, BARE])
  })
  test('knows slanted edges: a triangle covers half of its square', () => {
    const triangle = drawn(0, Float64Array.of(0, 0, 64, 0, 0, 64))
    expect(label([triangle])).toEqual([0])
    expect(label([triangle], gridOf(1, 1), { leastShare: 0.501 })).toEqual([UNCLEAR])
  })
  test('agrees with counting points, for any polygons', () => {
    const coordinate = fc.integer({ min: -20, max: 150 })
    const ring = fc
      .array(fc.tuple(coordinate, coordinate), { minLength: 3, maxLength: 7 })
      .map((corners) => Float64Array.from(corners.flat()))
    const shapes = fc.array(fc.tuple(fc.integer({ min: LEFT_OUT, max: 2 }), ring), {
      minLength: 1,
      maxLength: 5,
    })
    fc.assert(
      fc.property(shapes, (drawings) => {
        const polygons = drawings.map(([name, points]) => drawn(name, points))
        const got = label(polygons, gridOf(2, 2))
        const want = [0, 1, 2, 3].map((tile) =>
          sharesByPoints(polygons, (tile % 2) * TILE, (tile >> 1) * TILE),
        )
        for (const [tile, shares] of want.entries()) {
          const winner = got[tile] as number
          // Sampling is coarse: only a clear lead must be seen.
          const [[first, most] = [BARE, 0], [, second] = [BARE, 0]] = [...shares].toSorted(
            (a, b) => b[1] - a[1],
          )
          if (most > 0.55 && most - second > 0.05) expect(winner).toBe(first)
          if (most < 0.45) expect([UNCLEAR, BARE]).toContain(winner)
        }
      }),
      { numRuns: 60 },
    )
  })
})

/** Shares of a tile by testing 32 x 32 points, each by the definition. */
function sharesByPoints(
  polygons: readonly LabelledPolygon[],
  left: number,
  top: number,
): Map<number, number> {
  const bySize = polygons
    .map(({ polygon, label: name }) => ({ points: corners(polygon.rings[0] as Float64Array), name }))
    .toSorted((a, b) => shoelace(a.points) - shoelace(b.points))
  const shares = new Map<number, number>()
  for (let i = 0; i < 32 * 32; i++) {
    const [x, y] = [left + ((i % 32) + 0.5) * 2, top + (Math.floor(i / 32) + 0.5) * 2]
    const smallest = bySize.find(({ points }) => isAround(points, x, y))
    if (smallest !== undefined) shares.set(smallest.name, (shares.get(smallest.name) ?? 0) + 1 / 1024)
  }
  return shares
}

type Corners = readonly (readonly [number, number])[]

function shoelace(points: Corners): number {
  const twice = points.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = points[(i + 1) % points.length] as [number, number]
    return sum + x * nextY - nextX * y
  }, 0)
  return Math.abs(twice)
}

function isAround(points: Corners, x: number, y: number): boolean {
  return points.reduce((inside, [x1, y1], i) => {
    const [x2, y2] = points[(i + 1) % points.length] as [number, number]
    const crosses = y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1
    return crosses ? !inside : inside
  }, false)
}

function corners(ring: Float64Array): Corners {
  return Array.from({ length: ring.length / 2 }, (_, i) => [ring[i * 2] as number, ring[i * 2 + 1] as number])
}
