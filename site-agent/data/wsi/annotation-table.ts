/**
 * @file Annotations as a table: a line a corner, with columns `class`, `polygon`, `x`, `y`, and `ring` for holes. Lines of one polygon and ring follow each
 * other; coordinates count as QuPath's, in pixels of the finest level from the corner of what was scanned.
 */
import { type Annotations, annotationError, nameOf, type Polygon, type Ring, ringOf } from './annotation.ts'

const NEEDED = ['class', 'polygon', 'x', 'y'] as const

/** Reads them. Plain CSV: a comma in a class name is not possible, quotes around a field are. @throws {TesseraError} ERR_SLIDE_ANNOTATION, with the line. */
export function parseAnnotationTable(text: string): Annotations {
  const lines = text.split(/\r?\n/)
  const header = fieldsOf(lines[0] ?? '')
  const column = (name: string): number => header.indexOf(name)
  const missing = NEEDED.filter((name) => column(name) < 0)
  if (missing.length > 0) {
    throw annotationError(`a .csv file must have columns ${NEEDED.join(', ')}`, `no ${missing.join(', ')}`)
  }
  const polygons = new Map<string, { name: string; rings: Map<string, number[]> }>()
  for (const [i, line] of lines.entries()) {
    if (i === 0 || line.trim() === '') continue
    const fields = fieldsOf(line)
    const at = (name: string): string => fields[column(name)] ?? ''
    const name = at('class')
    const id = at('polygon')
    const polygon = polygons.get(id) ?? { name, rings: new Map<string, number[]>() }
    if (polygon.name !== name) {
      throw annotationError('a polygon must have one class', `another in line ${i + 1}`)
    }
    polygons.set(id, polygon)
    const ring = column('ring') < 0 ? '' : at('ring')
    const corners = polygon.rings.get(ring) ?? []
    polygon.rings.set(ring, corners)
    corners.push(coordinate(at('x'), i), coordinate(at('y'), i))
  }
  return { polygons: [...polygons.values()].map(polygonOf), ignored: 0 }
}

function fieldsOf(line: string): string[] {
  return line.split(',').map((field) => field.trim().replace(/^"(.*)"$/, '$1'))
}

function coordinate(text: string, line: number): number {
  // Number('') is 0.
  if (/^-?[\d.]+(e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text))) return Number(text)
  throw annotationError('x and y must be numbers', `none in line ${line + 1}`)
}

function polygonOf({ name, rings }: { name: string; rings: Map<string, number[]> }): Polygon {
  return { name: nameOf(name), rings: [...rings.values()].map((corners): Ring => ringOf(corners)) }
}
