/** @file What was found in a site's data, as counts: no name, no path. */
import type { SkipReason } from './decode.ts'
import type { ReadTiles } from './read-tiles.ts'
import { countLeaks, type LeakKind } from './splits/leakage.ts'
import { type LabelUse, PARTS, type Part } from './splits/part.ts'
import type { SlideReport } from './wsi/list-slide-tiles.ts'

export interface DataReport {
  /** Tiles that can be used, of the part that was opened. */
  readonly tiles: number
  readonly classCounts: readonly ClassCount[]
  /** Tiles that can be used, by part; null when the data are not divided. */
  readonly parts: Readonly<Record<Part, number>> | null
  /** Labels of the data, and the class of the study that each is; null: left out. Unreadable tiles included. */
  readonly labels: readonly LabelUse[]
  readonly skipped: Readonly<Record<SkipReason, number>>
  /** Tiles with the same pixels as an earlier one. */
  readonly duplicates: number
  /** Of these, tiles whose twin has another label. */
  readonly contradictions: number
  /** Pairs of pictures within one part that are nearly the same; null when they were not looked for. */
  readonly nearDuplicates: number | null
  /** Pairs of tiles that two parts must not have, by what they share. */
  readonly leaks: Readonly<Record<LeakKind, number>>
  /** Tiles of another size than the study's. */
  readonly resized: number
  /** Files of class folders that are no .png, .jpg or .jpeg. */
  readonly otherFiles: number
  readonly missingClasses: readonly string[]
  /** False when the set is larger than the memory budget. */
  readonly inMemory: boolean
  /** Of a folder of slides. */
  readonly slides?: SlideReport
}

export interface ClassCount {
  readonly name: string
  /** Of the part that was opened. */
  readonly tiles: number
  readonly parts: Readonly<Record<Part, number>>
}

/** Counts. @param part The part that was opened. */
export function reportOf(read: ReadTiles, classes: readonly string[], part: Part): DataReport {
  const { listing, tally, seen, similarity, measures, store } = read
  const byClass = classes.map(() => ({ train: 0, val: 0, test: 0 }))
  for (const { tile } of seen) {
    const counts = byClass[tile.label]
    if (counts !== undefined) counts[tile.part]++
  }
  const sum = (of: Part): number => byClass.reduce((total, counts) => total + counts[of], 0)
  const [train, val, test] = PARTS.map(sum) as [number, number, number]
  const classCounts = classes.map((name, label): ClassCount => {
    const parts = byClass[label] ?? { train: 0, val: 0, test: 0 }
    return { name, tiles: parts[part], parts }
  })
  return {
    tiles: sum(part),
    classCounts,
    parts: listing.hasParts ? { train, val, test } : null,
    labels: listing.labels,
    skipped: tally.skipped,
    duplicates: tally.duplicates,
    contradictions: tally.contradictions,
    nearDuplicates: measures === null ? null : similarity.nearDuplicates.length,
    leaks: countLeaks(similarity.leaks),
    resized: tally.resized,
    otherFiles: listing.otherFiles,
    missingClasses: classCounts.filter(({ tiles }) => tiles === 0).map(({ name }) => name),
    inMemory: store !== null,
    ...(listing.slides === undefined ? {} : { slides: listing.slides }),
  }
}
