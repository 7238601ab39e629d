/**
 * @file What train, val and test must not share: a patient, a slide, a group, or the same picture, stored twice or nearly the same. A model that has
 * learned from a patient is not judged by that patient's other tiles.
 */
import { TesseraError } from '@tessera/shared/errors'
import type { Hash } from '../measures/perceptual-hash.ts'
import { type ListedTile, TIES, type Tie } from './part.ts'
import { similarPairs } from './similar.ts'

export const LEAK_KINDS = [...TIES, 'duplicate', 'near-duplicate'] as const
export type LeakKind = (typeof LEAK_KINDS)[number]

/** Two tiles of two parts; of a patient, slide or group that is in both, the first tile in each. */
export interface Leak {
  readonly kind: LeakKind
  /** Places of the tiles in their list. */
  readonly first: number
  readonly second: number
  /** Bits of the perceptual hash that differ; 0 for anything but a near-duplicate. */
  readonly distance: number
}

/** A tile that has been read. */
export interface SeenTile {
  readonly tile: ListedTile
  /** Of its pixels. */
  readonly digest: string
  /** Null: not compared. */
  readonly hash: Hash | null
}

export interface Similarity {
  readonly leaks: readonly Leak[]
  /** Pairs of pictures that are near each other within one part. */
  readonly nearDuplicates: readonly Leak[]
  /** True when the search was ended by {@link MAX_PAIRS}. */
  readonly isCut: boolean
}

/** As many as somebody would look through; a set with more is divided again, not repaired pair by pair. */
const MAX_PAIRS = 10_000

/** @param maxBits Largest distance of near-duplicates; null: they are not looked for. */
export function findLeaks(seen: readonly SeenTile[], maxBits: number | null): Similarity {
  const leaks = [...TIES.flatMap((tie) => tieLeaks(seen, tie)), ...duplicateLeaks(seen)]
  if (maxBits === null) return { leaks, nearDuplicates: [], isCut: false }
  // One of each picture and part: a picture that is there a hundred times is one to compare, not ten thousand.
  const places = [...firstBy(seen, ({ tile, digest }) => `${tile.part} ${digest}`).values()]
  const hashes = places.map((place) => seen[place]?.hash ?? null)
  const pairs = similarPairs(hashes, maxBits, MAX_PAIRS)
  const near: Leak[] = []
  const within: Leak[] = []
  for (const { first, second, distance } of pairs) {
    const leak = pairOf('near-duplicate', places[first] as number, places[second] as number, distance)
    const [a, b] = [seen[leak.first] as SeenTile, seen[leak.second] as SeenTile]
    if (a.digest === b.digest) continue
    if (a.tile.part === b.tile.part) within.push(leak)
    else near.push(leak)
  }
  return { leaks: [...leaks, ...near], nearDuplicates: within, isCut: pairs.length >= MAX_PAIRS }
}

function tieLeaks(seen: readonly SeenTile[], tie: Tie): Leak[] {
  const tied = firstBy(seen, ({ tile }) => (tile[tie] === undefined ? null : `${tile.part} ${tile[tie]}`))
  return pairsOfParts([...tied.values()], ({ tile }) => tile[tie] ?? '', seen, tie)
}

function duplicateLeaks(seen: readonly SeenTile[]): Leak[] {
  const firsts = firstBy(seen, ({ tile, digest }) => `${tile.part} ${digest}`)
  return pairsOfParts([...firsts.values()], ({ digest }) => digest, seen, 'duplicate')
}

/** Of tiles that are each the first of their part and value: each value's first tile with those in other parts. */
function pairsOfParts(
  places: readonly number[],
  valueOf: (tile: SeenTile) => string,
  seen: readonly SeenTile[],
  kind: LeakKind,
): Leak[] {
  const firsts = new Map<string, number>()
  const leaks: Leak[] = []
  for (const place of places) {
    const value = valueOf(seen[place] as SeenTile)
    const first = firsts.get(value)
    if (first === undefined) firsts.set(value, place)
    else if (leaks.length < MAX_PAIRS) leaks.push(pairOf(kind, first, place, 0))
  }
  return leaks
}

function pairOf(kind: LeakKind, a: number, b: number, distance: number): Leak {
  return { kind, first: Math.min(a, b), second: Math.max(a, b), distance }
}

/** Place of the first tile with each key; null: none. */
function firstBy(seen: readonly SeenTile[], keyOf: (tile: SeenTile) => string | null): Map<string, number> {
  const firsts = new Map<string, number>()
  for (const [place, tile] of seen.entries()) {
    const key = keyOf(tile)
    if (key !== null && !firsts.has(key)) firsts.set(key, place)
  }
  return firsts
}

/** Number of pairs of each kind. */
export function countLeaks(leaks: readonly Leak[]): Record<LeakKind, number> {
  const counts = { patient: 0, slide: 0, group: 0, duplicate: 0, 'near-duplicate': 0 }
  for (const { kind } of leaks) counts[kind]++
  return counts
}

/** Why parts that share something are refused; null when they share nothing. Counts only: names stay with whoever asks for the list. */
export function leakageFault(leaks: readonly Leak[]): TesseraError | null {
  if (leaks.length === 0) return null
  const counts = countLeaks(leaks)
  const found = LEAK_KINDS.filter((kind) => counts[kind] > 0).map((kind) => `${counts[kind]} by ${kind}`)
  return new TesseraError(
    'ERR_DATA_LEAKAGE',
    `train, val and test must share no patient, slide, group or picture, got pairs of tiles that do: ${found.join(', ')}`,
  )
}
