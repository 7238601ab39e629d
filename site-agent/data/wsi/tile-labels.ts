/**
 * @file Which class each tile of a grid has: the one whose polygons cover most of it.
 *
 * Every point belongs to the smallest polygon around it, as what is drawn inside an outline says more than the outline. A tile is cut by {@link LINES} horizontal
 * lines; on each, the stretch that belongs to a class is exact.
 */
import { areaOf, type Polygon, type Ring } from './annotation.ts'
import type { TileGrid } from './tile-grid.ts'

/** A polygon whose class means something to the study. */
export interface LabelledPolygon {
  readonly polygon: Polygon
  /** Index of the study's class; {@link LEFT_OUT}: tiles of this class are not used. */
  readonly label: number
}

/** Label of areas that nobody wants, as folds or necrosis. */
export const LEFT_OUT = -1
/** Label of tiles that no class covers enough of. */
export const UNCLEAR = -2
/** Label of tiles that nothing was drawn on. */
export const BARE = -3

/** An edge that is half a line off changes a share by 1/64: less than anybody draws it. */
const LINES = 32

interface Shape {
  readonly label: number
  readonly area: number
  readonly edges: Float64Array // x0, y0, x1, y1 …; horizontal ones left out
  readonly top: number
  readonly bottom: number
}

export interface LabelOptions {
  readonly grid: TileGrid
  readonly polygons: readonly LabelledPolygon[]
  /** Number of the study's classes. */
  readonly classes: number
  /** Least share of a tile, above 0 to 1, that its class covers. */
  readonly leastShare: number
  /** Where the polygons' corners count from, in pixels of level 0. */
  readonly origin: { readonly x: number; readonly y: number }
}

/** Labels `[rows, columns]`. Equal shares: the class that comes first in the study, and what is left out before all. */
export function labelTiles({ grid, polygons, classes, leastShare, origin }: LabelOptions): Int16Array {
  const { lefts, tops, coveredWidth, coveredHeight } = grid
  const labels = new Int16Array(lefts.length * tops.length).fill(BARE)
  const shapes = polygons.map(({ polygon, label }) => shapeOf(polygon, label, origin))
  // One place more for what is left out, the first.
  const width = classes + 1
  for (const [row, top] of tops.entries()) {
    const near = shapes.flatMap((shape) => {
      if (shape.bottom <= top || shape.top >= top + coveredHeight) return []
      return [{ ...shape, edges: edgesBetween(shape.edges, top, top + coveredHeight) }]
    })
    if (near.length === 0) continue
    const covered = new Float64Array(lefts.length * width)
    for (let line = 0; line < LINES; line++) {
      const y = top + ((line + 0.5) / LINES) * coveredHeight
      for (const { from, to, label } of stretches(near, y)) {
        addOverlaps(covered, lefts, coveredWidth, from, to, width, label - LEFT_OUT)
      }
    }
    for (let column = 0; column < lefts.length; column++) {
      const shares = covered.subarray(column * width, (column + 1) * width)
      labels[row * lefts.length + column] = judge(shares, leastShare * LINES * coveredWidth)
    }
  }
  return labels
}

function judge(shares: Float64Array, least: number): number {
  let best = 0
  let sum = 0
  for (const [place, share] of shares.entries()) {
    sum += share
    if (share > (shares[best] as number)) best = place
  }
  if (sum === 0) return BARE
  // A billionth: a tile that is covered whole must pass 1 whatever its sums round to.
  return (shares[best] as number) >= least * (1 - 1e-9) ? best + LEFT_OUT : UNCLEAR
}

function shapeOf(polygon: Polygon, label: number, origin: LabelOptions['origin']): Shape {
  const edges = Float64Array.from(polygon.rings.flatMap((ring) => ringEdges(ring, origin)))
  let [top, bottom] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let i = 1; i < edges.length; i += 2) {
    top = Math.min(top, edges[i] as number)
    bottom = Math.max(bottom, edges[i] as number)
  }
  return { label, area: areaOf(polygon), edges, top, bottom }
}

function ringEdges(ring: Ring, { x, y }: LabelOptions['origin']): number[] {
  const edges: number[] = []
  for (let i = 0, last = ring.length - 2; i < ring.length; last = i, i += 2) {
    const [y0, y1] = [ring[last + 1] as number, ring[i + 1] as number]
    if (y0 !== y1) edges.push((ring[last] as number) + x, y0 + y, (ring[i] as number) + x, y1 + y)
  }
  return edges
}

function edgesBetween(edges: Float64Array, top: number, bottom: number): Float64Array {
  const near: number[] = []
  for (let i = 0; i < edges.length; i += 4) {
    const [y0, y1] = [edges[i + 1] as number, edges[i + 3] as number]
    if (Math.min(y0, y1) < bottom && Math.max(y0, y1) > top) {
      near.push(edges[i] as number, y0, edges[i + 2] as number, y1)
    }
  }
  return Float64Array.from(near)
}

interface Stretch {
  readonly from: number
  readonly to: number
  readonly label: number
}

/** What belongs to whom on a horizontal line. */
function stretches(shapes: readonly Shape[], y: number): Stretch[] {
  const inside = shapes.flatMap((shape) => {
    const crossings = crossingsAt(shape.edges, y)
    const pairs: { from: number; to: number; shape: Shape }[] = []
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      pairs.push({ from: crossings[i] as number, to: crossings[i + 1] as number, shape })
    }
    return pairs
  })
  if (inside.length === 1) return inside.map(({ from, to, shape }) => ({ from, to, label: shape.label }))
  inside.sort((a, b) => a.from - b.from)
  const ends = [...new Set(inside.flatMap(({ from, to }) => [from, to]))].toSorted((a, b) => a - b)
  const result: Stretch[] = []
  let active: typeof inside = []
  let next = 0
  for (let i = 0; i + 1 < ends.length; i++) {
    const [from, to] = [ends[i] as number, ends[i + 1] as number]
    active = active.filter((pair) => pair.to > from)
    for (; next < inside.length && (inside[next] as (typeof inside)[number]).from <= from; next++) {
      active.push(inside[next] as (typeof inside)[number])
    }
    if (active.length === 0) continue
    const { shape } = active.reduce((least, pair) => (pair.shape.area < least.shape.area ? pair : least))
    result.push({ from, to, label: shape.label })
  }
  return result
}

/** Where a line enters and leaves, in order. A corner belongs to the edge below it, so that it counts once. */
function crossingsAt(edges: Float64Array, y: number): number[] {
  const crossings: number[] = []
  for (let i = 0; i < edges.length; i += 4) {
    const [y0, y1] = [edges[i + 1] as number, edges[i + 3] as number]
    if (y0 <= y === y1 <= y) continue
    const x0 = edges[i] as number
    crossings.push(x0 + ((y - y0) / (y1 - y0)) * ((edges[i + 2] as number) - x0))
  }
  return crossings.toSorted((a, b) => a - b)
}

function addOverlaps(
  covered: Float64Array,
  lefts: readonly number[],
  tileWidth: number,
  from: number,
  to: number,
  width: number,
  place: number,
): void {
  for (let column = firstAbove(lefts, from - tileWidth); column < lefts.length; column++) {
    const left = lefts[column] as number
    if (left >= to) break
    const at = column * width + place
    covered[at] = (covered[at] as number) + Math.min(to, left + tileWidth) - Math.max(from, left)
  }
}

/** Index of the first of some rising numbers that is above `value`. */
function firstAbove(rising: readonly number[], value: number): number {
  let [low, high] = [0, rising.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((rising[middle] as number) > value) high = middle
    else low = middle + 1
  }
  return low
}
