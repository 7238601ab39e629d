/**
 * @file Pairs of tiles whose perceptual hashes are near each other, in any of eight orientations, without comparing all with all.
 *
 * A hash is four bands of 16 bits. Of two hashes that differ in d bits, one band differs in ⌊d / 4⌋ at most: the tiles that have a band within that
 * are found in a table, and only they are compared. Source: Norouzi, Punjani and Fleet, CVPR 2012, "Fast search in Hamming space with multi-index
 * hashing".
 */
import { type Hash, hashDistance, orientations } from '../measures/perceptual-hash.ts'

/**
 * Bits of 64; docs/data.md has the figures. Over the 728,000 pairs of different pictures of a public set of colon and lung tiles the nearest are 11
 * apart, of oral tissue and lymph nodes 10 and 14. The same picture stored again, scaled by half or turned differs by 0 to 5; made lighter or recoloured,
 * by 6 or less in 96 of 100. Chance falls about fivefold a bit: at 6, a third of a pair of different pictures where 10,000 test tiles meet 80,000.
 */
export const NEAR_BITS = 6
/** Beyond it three flips a band would have to be looked up, and different pictures begin. */
export const MAX_NEAR_BITS = 11

export interface SimilarPair {
  /** Places in the list, `first` < `second`. */
  readonly first: number
  readonly second: number
  /** Bits that differ, in the nearest orientation. */
  readonly distance: number
}

const BANDS = 4
const BAND_BITS = 16

/**
 * Finds the pairs in the order of their second tile.
 *
 * @param hashes Null: compared with nothing.
 * @param most Pairs after which the search ends: a set that is all of one picture has millions.
 */
export function similarPairs(hashes: readonly (Hash | null)[], maxBits: number, most: number): SimilarPair[] {
  const search = createSearch(hashes, maxBits)
  const pairs: SimilarPair[] = []
  for (const [second, hash] of hashes.entries()) {
    if (hash === null) continue
    for (const [first, distance] of search(hash, second)) {
      pairs.push({ first, second, distance })
      if (pairs.length >= most) return pairs
    }
  }
  return pairs
}

/** Finds the tiles before place `end` that are near a hash in one of its orientations, in their order, each with its distance. */
function createSearch(
  hashes: readonly (Hash | null)[],
  maxBits: number,
): (hash: Hash, end: number) => [number, number][] {
  const tables = Array.from({ length: BANDS }, (_, band) => bandTable(hashes, band))
  const flips = flipsUpTo(Math.floor(Math.min(maxBits, MAX_NEAR_BITS) / BANDS))
  const low = Uint32Array.from(hashes, (hash) => hash?.[0] ?? 0)
  const high = Uint32Array.from(hashes, (hash) => hash?.[1] ?? 0)
  return (hash, end) => {
    const near = new Map<number, number>()
    for (const turned of orientations(hash)) {
      for (let band = 0; band < BANDS; band++) {
        const { heads, members } = tables[band] as BandTable
        const key = bandOf(turned, band)
        for (let f = 0; f < flips.length; f++) {
          const bucket = key ^ (flips[f] as number)
          const stop = heads[bucket + 1] as number
          for (let at = heads[bucket] as number; at < stop; at++) {
            const first = members[at] as number
            // Members are in order: those behind have this one before them.
            if (first >= end) break
            const distance = hashDistance(turned, low[first] as number, high[first] as number)
            if (distance <= maxBits && distance < (near.get(first) ?? Number.POSITIVE_INFINITY)) {
              near.set(first, distance)
            }
          }
        }
      }
    }
    return [...near].toSorted(([a], [b]) => a - b)
  }
}

interface BandTable {
  /** Where each key's members begin; one more at the end. */
  readonly heads: Uint32Array
  /** Tiles by key, and in order within one. */
  readonly members: Uint32Array
}

function bandTable(hashes: readonly (Hash | null)[], band: number): BandTable {
  const heads = new Uint32Array((1 << BAND_BITS) + 1)
  for (const hash of hashes) {
    if (hash !== null) heads[bandOf(hash, band) + 1] = (heads[bandOf(hash, band) + 1] as number) + 1
  }
  for (let key = 0; key < 1 << BAND_BITS; key++)
    heads[key + 1] = (heads[key + 1] as number) + (heads[key] as number)
  const next = heads.slice()
  const members = new Uint32Array(heads[1 << BAND_BITS] as number)
  for (const [i, hash] of hashes.entries()) {
    if (hash === null) continue
    const key = bandOf(hash, band)
    const at = next[key] as number
    members[at] = i
    next[key] = at + 1
  }
  return { heads, members }
}

function bandOf(hash: Hash, band: number): number {
  return ((hash[band >> 1] as number) >>> ((band & 1) * BAND_BITS)) & 0xffff
}

/** Words of 16 bits with at most so many ones: 1, 17 or 137 of them. */
function flipsUpTo(ones: number): Int32Array {
  let flips = new Set([0])
  for (let round = 0; round < ones; round++) {
    flips = new Set(
      [...flips].flatMap((flip) => [
        flip,
        ...Array.from({ length: BAND_BITS }, (_, bit) => flip ^ (1 << bit)),
      ]),
    )
  }
  return Int32Array.from(flips)
}
