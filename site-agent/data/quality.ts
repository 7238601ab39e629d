/** @file What the tiles look like, as numbers about all of them: sharpness, background, stain. No name, no pixel. */
import { asTesseraError } from '@tessera/shared/errors'
import { quantile } from '@tessera/shared/metrics'
import { meanConcentrations, type Stain } from './macenko/fit.ts'
import { backgroundOf, type Measures, sampleOf, sharpnessOf } from './measures/measure.ts'
import type { ReadTiles } from './read-tiles.ts'
import type { ListedTile } from './splits/part.ts'
import { fitStainOf } from './stain-plan.ts'

/** Five numbers that a box is drawn from: 5th, 25th, 50th, 75th and 95th percentile. */
export type Spread = readonly [number, number, number, number, number]
const SPREAD_SHARES = [0.05, 0.25, 0.5, 0.75, 0.95]

/** Mostly glass: less than a fifth is tissue, and a label says little about it. */
export const EMPTY_SHARE = 0.8
/** A tile this many times less sharp than the middle one of its class is out of focus, or shows nothing. */
export const BLUR_FACTOR = 10

export interface Histogram {
  readonly from: number
  readonly to: number
  /** Tiles in each of equally wide bins. */
  readonly counts: readonly number[]
}

/** Stain of the tiles that one scanner made, or of all of them. */
export interface StainGroup {
  /** Number of the scanner in the data's own order; null: all tiles. Its name stays with the data. */
  readonly scanner: number | null
  readonly tiles: number
  /** Null when there is too little tissue of two colours. */
  readonly stain: Stain | null
}

export interface ClassQuality {
  readonly name: string
  readonly tiles: number
  readonly sharpness: Spread
  readonly background: Spread
  /** Mean amounts in a tile, in the stain of all tiles; null without one. */
  readonly haematoxylin: Spread | null
  readonly eosin: Spread | null
}

export interface Quality {
  /** Decimal logarithms: sharpness spans four orders. */
  readonly sharpness: Histogram
  readonly background: Histogram
  /** Tiles of more than {@link EMPTY_SHARE} background. */
  readonly empty: number
  /** Tiles {@link BLUR_FACTOR} times less sharp than the middle of their class, empty ones left out. */
  readonly blurred: number
  readonly classes: readonly ClassQuality[]
  /** All tiles first, then by scanner where the data name more than one. */
  readonly stains: readonly StainGroup[]
}

const BINS = 24

/** Null when nothing was measured or no tile is good. */
export function qualityOf(read: ReadTiles, classes: readonly string[]): Quality | null {
  const { measures, good, listing } = read
  if (measures === null || good.length === 0) return null
  const tileAt = (place: number): ListedTile => listing.tiles[place] as ListedTile
  const all: StainGroup = { scanner: null, tiles: good.length, stain: stainOf(measures, good) }
  const byScanner = groupsOf(good, (place) => tileAt(place).scanner)
  const scanners = byScanner.map(
    (places, scanner): StainGroup => ({ scanner, tiles: places.length, stain: stainOf(measures, places) }),
  )
  const places = classes.map((_, label) => good.filter((place) => tileAt(place).label === label))
  return {
    sharpness: histogram(good.map((place) => Math.log10(1 + sharpnessOf(measures, place)))),
    background: histogram(
      good.map((place) => backgroundOf(measures, place)),
      0,
      1,
    ),
    empty: good.filter((place) => backgroundOf(measures, place) > EMPTY_SHARE).length,
    blurred: places.reduce((sum, ofClass) => sum + blurredOf(measures, ofClass), 0),
    classes: classes.map((name, label) => classQuality(measures, name, places[label] ?? [], all.stain)),
    stains: [all, ...(scanners.length > 1 ? scanners : [])],
  }
}

function stainOf(measures: Measures, places: readonly number[]): Stain | null {
  try {
    return fitStainOf(measures, places)
  } catch (thrown) {
    if (asTesseraError(thrown).code === 'ERR_DATA_STAIN') return null
    throw thrown
  }
}

function classQuality(
  measures: Measures,
  name: string,
  places: readonly number[],
  stain: Stain | null,
): ClassQuality {
  const amounts =
    stain === null ? [] : places.map((place) => meanConcentrations(sampleOf(measures, place), stain))
  const ofStain = (which: 0 | 1): Spread | null => {
    const values = amounts.filter((amount) => amount !== null).map((amount) => amount[which])
    return values.length === 0 ? null : spread(values)
  }
  return {
    name,
    tiles: places.length,
    sharpness: spread(places.map((place) => sharpnessOf(measures, place))),
    background: spread(places.map((place) => backgroundOf(measures, place))),
    haematoxylin: ofStain(0),
    eosin: ofStain(1),
  }
}

function blurredOf(measures: Measures, places: readonly number[]): number {
  const full = places.filter((place) => backgroundOf(measures, place) <= EMPTY_SHARE)
  const sharpness = full.map((place) => sharpnessOf(measures, place))
  const [, , middle] = spread(sharpness)
  return sharpness.filter((value) => value * BLUR_FACTOR < middle).length
}

/** Zeros of no values. */
function spread(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).toSorted()
  return SPREAD_SHARES.map((share) =>
    sorted.length === 0 ? 0 : quantile(sorted, share),
  ) as unknown as Spread
}

function histogram(values: readonly number[], from = 0, to = 1): Histogram {
  const end = values.reduce((most, value) => Math.max(most, value), to)
  const counts = Array.from({ length: BINS }, () => 0)
  for (const value of values) {
    const bin = Math.min(BINS - 1, Math.floor(((value - from) / (end - from)) * BINS))
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  return { from, to: end, counts }
}

/** Places of each value, in the order in which values come; those without one are left out. */
function groupsOf(places: readonly number[], valueOf: (place: number) => string | undefined): number[][] {
  const groups = new Map<string, number[]>()
  for (const place of places) {
    const value = valueOf(place)
    if (value === undefined) continue
    const group = groups.get(value)
    if (group === undefined) groups.set(value, [place])
    else group.push(place)
  }
  return [...groups.values()]
}
