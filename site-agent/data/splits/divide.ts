/**
 * @file Divides tiles into train, val and test: whole patients or slides, each class in the wanted shares as nearly as that allows, by seed. Pure.
 *
 * Groups go one after another, the largest first, each to the part p where it lowers  Σ_c (n_pc / N_c − s_p)² / s_p  the most.
 * n_pc: tiles of class c in p so far · N_c: tiles of class c · s_p: wanted share. Groups of equal size in a seeded order.
 */
import { TesseraError } from '@tessera/shared/errors'
import type { Random } from '@tessera/shared/random'
import { PARTS, type Part } from './part.ts'

/** Wanted share of each part, of 1 in all. */
export type Shares = Readonly<Record<Part, number>>

/** What a division needs to know of a tile. */
export interface Divisible {
  readonly label: number
  /** Tiles of the same key stay together. */
  readonly key: string
}

interface Group {
  readonly members: number[]
  /** Tiles by class. */
  readonly counts: Map<number, number>
}

/**
 * @returns The part of each tile.
 * @throws {TesseraError} ERR_DATA_SPLIT when there are fewer groups than parts.
 */
export function divide(tiles: readonly Divisible[], shares: Shares, random: Random): Part[] {
  const parts = PARTS.filter((part) => shares[part] > 0)
  const groups = groupsByKey(tiles)
  if (groups.size < parts.length) {
    throw new TesseraError(
      'ERR_DATA_SPLIT',
      `data must have at least ${parts.length} patients, slides or groups to be divided into ${parts.join(', ')}, got ${groups.size}`,
    )
  }
  const totals = new Map<number, number>()
  for (const { label } of tiles) totals.set(label, (totals.get(label) ?? 0) + 1)
  const taken = new Map(parts.map((part) => [part, { groups: 0, counts: new Map<number, number>() }]))
  const result = Array.from({ length: tiles.length }, (): Part => 'train')
  // Keys in order before the seeded one: the draw must not depend on the order of files.
  const keys = random.shuffled([...groups.keys()].toSorted((a, b) => (a < b ? -1 : 1)))
  const order = keys
    .map((key) => groups.get(key) as Group)
    .toSorted((a, b) => b.members.length - a.members.length)
  for (const [i, group] of order.entries()) {
    const empty = parts.filter((part) => taken.get(part)?.groups === 0)
    // Nothing may be left without any: the last groups go where there is none.
    const choice = order.length - i <= empty.length ? empty : parts
    const gain = (part: Part): number =>
      gainOf(group, taken.get(part)?.counts ?? new Map(), totals, shares[part])
    const part = choice.reduce((best, next) => (gain(next) > gain(best) ? next : best))
    const of = taken.get(part)
    if (of === undefined) continue
    of.groups++
    for (const [label, count] of group.counts) of.counts.set(label, (of.counts.get(label) ?? 0) + count)
    for (const member of group.members) result[member] = part
  }
  return result
}

/** By how much a group brings a part nearer to its share. */
function gainOf(
  group: Group,
  counts: ReadonlyMap<number, number>,
  totals: ReadonlyMap<number, number>,
  share: number,
): number {
  let gain = 0
  for (const [label, count] of group.counts) {
    const total = totals.get(label) ?? 1
    const before = (counts.get(label) ?? 0) / total - share
    const after = before + count / total
    gain += (before * before - after * after) / share
  }
  return gain
}

function groupsByKey(tiles: readonly Divisible[]): Map<string, Group> {
  const groups = new Map<string, Group>()
  for (const [i, { key, label }] of tiles.entries()) {
    const group = groups.get(key) ?? { members: [], counts: new Map<number, number>() }
    groups.set(key, group)
    group.members.push(i)
    group.counts.set(label, (group.counts.get(label) ?? 0) + 1)
  }
  return groups
}
