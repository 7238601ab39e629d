/** @file What a pathologist has drawn on a slide, whatever it was drawn with. */
import { TesseraError } from '@tessera/shared/errors'

/** Corners as x, y, x, y …, in pixels of level 0 from the corner of what was scanned. Closed: the last is joined to the first. */
export type Ring = Float64Array

/** An area with its holes: what an odd number of rings surround. */
export interface Polygon {
  /** Class as it was drawn. */
  readonly name: string
  readonly rings: readonly Ring[]
}

export interface Annotations {
  readonly polygons: readonly Polygon[]
  /** Things that have no area or no class: points, lines, cells, an outline without a class. */
  readonly ignored: number
}

/** Largest file: 3 million corners as QuPath writes them, or an outline of every gland of a large slide. */
export const MAX_ANNOTATION_BYTES = 64 * 1024 * 1024
/** Ten times the largest side of a slide: outlines may be drawn beyond its edge. */
const MAX_COORDINATE = 10_000_000
/** As study class names. */
const MAX_NAME = 200

/** Checks a ring. @throws {TesseraError} ERR_SLIDE_ANNOTATION */
export function ringOf(corners: readonly number[]): Ring {
  if (corners.length < 6)
    throw annotationError('a ring must have at least 3 corners', `${corners.length / 2}`)
  for (const value of corners) {
    if (!(Math.abs(value) <= MAX_COORDINATE)) {
      throw annotationError('a corner must lie on the slide', 'a number that is too large or none')
    }
  }
  return Float64Array.from(corners)
}

/** Checks a class name. @throws {TesseraError} ERR_SLIDE_ANNOTATION */
export function nameOf(name: string): string {
  const trimmed = name.trim().normalize('NFC')
  if (trimmed.length >= 1 && trimmed.length <= MAX_NAME) return trimmed
  throw annotationError(`a class must have 1 to ${MAX_NAME} characters`, `${trimmed.length}`)
}

/** The error of a file of annotations that is not one. */
export function annotationError(rule: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError('ERR_SLIDE_ANNOTATION', `annotations: ${rule}, got ${got}`, { cause })
}

/** Area of a polygon, its holes taken off, in square pixels of level 0. */
export function areaOf({ rings }: Polygon): number {
  // The outline is the largest; QuPath and the standard disagree on which way round it goes.
  const areas = rings.map((ring) => Math.abs(signedArea(ring)))
  const most = Math.max(...areas)
  return 2 * most - areas.reduce((sum, area) => sum + area, 0)
}

function signedArea(ring: Ring): number {
  let twice = 0
  for (let i = 0, last = ring.length - 2; i < ring.length; last = i, i += 2) {
    twice += (ring[last] as number) * (ring[i + 1] as number)
    twice -= (ring[i] as number) * (ring[last + 1] as number)
  }
  return twice / 2
}
