/**
 * @file Annotations as QuPath exports them: a GeoJSON FeatureCollection, or, from older versions, an array of features or one feature.
 *
 * Source: RFC 7946; QuPath 0.2 to 0.6, https://qupath.readthedocs.io/en/stable/docs/advanced/exporting_annotations.html
 */
import { z } from 'zod'
import { type Annotations, annotationError, nameOf, type Polygon, ringOf } from './annotation.ts'

// Loose: another program's format, which grows with its versions. Only what is named here is looked at.
const feature = z.looseObject({
  type: z.literal('Feature'),
  geometry: z.looseObject({ type: z.string(), coordinates: z.unknown() }).nullish(),
  properties: z
    .looseObject({
      objectType: z.string().optional(),
      classification: z
        .looseObject({ name: z.string().optional(), names: z.array(z.string()).optional() })
        .nullish(),
    })
    .nullish(),
})
const file = z.union([
  z.looseObject({ type: z.literal('FeatureCollection'), features: z.array(feature) }),
  z.array(feature),
  feature,
])
type Feature = z.infer<typeof feature>

/** Reads polygons and multipolygons that have a class. @throws {TesseraError} ERR_SLIDE_ANNOTATION */
export function parseGeoJson(text: string): Annotations {
  const features = featuresOf(text)
  const polygons: Polygon[] = []
  let ignored = 0
  for (const { geometry, properties } of features) {
    const name = className(properties)
    const isDrawn = properties?.objectType === undefined || properties.objectType === 'annotation'
    const parts = isDrawn && name !== null ? partsOf(geometry) : null
    if (parts === null || name === null) ignored++
    else for (const rings of parts) polygons.push({ name, rings: rings.map(cornersOf) })
  }
  return { polygons, ignored }
}

function featuresOf(text: string): readonly Feature[] {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw annotationError('a .geojson file must hold JSON', 'other text', cause)
  }
  const parsed = file.safeParse(json)
  if (!parsed.success) {
    throw annotationError('a .geojson file must hold a FeatureCollection', 'something else', parsed.error)
  }
  if (Array.isArray(parsed.data)) return parsed.data
  return parsed.data.type === 'FeatureCollection' ? parsed.data.features : [parsed.data]
}

/** A derived class is `Tumor: Positive` in all versions of QuPath, whichever way it is stored. */
function className(properties: Feature['properties']): string | null {
  const { name, names } = properties?.classification ?? {}
  const text = name ?? names?.join(': ')
  return text === undefined ? null : nameOf(text)
}

/** The rings of each part; null: no area. */
function partsOf(geometry: Feature['geometry']): (readonly unknown[])[] | null {
  if (geometry?.type === 'Polygon') return [ringsOf(geometry.coordinates)]
  if (geometry?.type !== 'MultiPolygon') return null
  if (Array.isArray(geometry.coordinates)) return geometry.coordinates.map(ringsOf)
  throw annotationError('a MultiPolygon must have polygons', 'none')
}

function ringsOf(coordinates: unknown): readonly unknown[] {
  if (Array.isArray(coordinates) && coordinates.length > 0) return coordinates
  throw annotationError('a polygon must have at least 1 ring', 'none')
}

function cornersOf(ring: unknown): Float64Array {
  if (!Array.isArray(ring)) throw annotationError('a ring must be a list of corners', 'something else')
  const corners: number[] = []
  for (const corner of ring as readonly unknown[]) {
    const [x, y] = Array.isArray(corner) ? (corner as unknown[]) : []
    if (typeof x !== 'number' || typeof y !== 'number') {
      throw annotationError('a corner must be two numbers', 'something else')
    }
    corners.push(x, y)
  }
  // GeoJSON repeats the first corner at the end.
  const isClosed = corners.length > 2 && corners[0] === corners.at(-2) && corners[1] === corners.at(-1)
  return ringOf(isClosed ? corners.slice(0, -2) : corners)
}
