/**
 * @file Annotations as a table: a line a corner, with columns `class`, `polygon`, `x`, `y`, and `ring` for holes. Lines of one polygon and ring follow each
 * other; coordinates count as QuPath's, in pixels of the finest level from the corner of what was scanned.
 */
import { parseLines } from '../lines.ts'
import { type Annotations, annotationError, nameOf, type Polygon, type Ring, ringOf } from './annotation.ts'

const NEEDED = ['class', 'polygon', 'x', 'y'] as const

/** Reads them. @throws {TesseraError} ERR_SLIDE_ANNOTATION, with the line. */
export function parseAnnotationTable(text: string): Annotations {
  const [header, ...lines] = parseLines(text, {
    delimiter: ',',
    isRagged: true,
    isTrimmed: true,
    refused: (code, line) =>
      annotationError('quotes must be in pairs, no line overlong', `${code} in line ${line}`),
  })
  const column = (name: string): number => header?.values.indexOf(name) ?? -1
  const missing = NEEDED.filter((name) => column(name) < 0)
  if (missing.length > 0) {
    throw annotationError(`a .csv file must have columns ${NEEDED.join(', ')}`, `no ${missing.join(', ')}`)
  }
  const polygons = new Map<string, { name: string; rings: Map<string, number[]> }>()
  for (const { values, line } of lines) {
    const at = (name: string): string => values[column(name)] ?? ''
    const name = at('class')
    const id = at('polygon')
    const polygon = polygons.get(id) ?? { name, rings: new Map<string, number[]>() }
    if (polygon.name !== name) {
      throw annotationError('a polygon must have one class', `another in line ${line}`)
    }
    polygons.set(id, polygon)
    const ring = column('ring') < 0 ? '' : at('ring')
    const corners = polygon.rings.get(ring) ?? []
    polygon.rings.set(ring, corners)
    corners.push(coordinate(at('x'), line), coordinate(at('y'), line))
  }
  return { polygons: [...polygons.values()].map(polygonOf), ignored: 0 }
}

function coordinate(text: string, line: number): number {
  // Number('') is 0.
  if (/^-?[\d.]+(e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text))) return Number(text)
  throw annotationError('x and y must be numbers', `none in line ${line}`)
}

function polygonOf({ name, rings }: { name: string; rings: Map<string, number[]> }): Polygon {
  return { name: nameOf(name), rings: [...rings.values()].map((corners): Ring => ringOf(corners)) }
}
