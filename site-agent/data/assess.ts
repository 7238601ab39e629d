/** @file Looks at all of a site's data even when they could not be trained on, so that an operator sees everything that is wrong at once. */
import { asTesseraError, type TesseraError } from '@tessera/shared/errors'
import type { TileSource } from '../distill/index.ts'
import type { SkipReason } from './decode.ts'
import { listTiles } from './list-tiles.ts'
import {
  dataFault,
  listingOptions,
  type OpenTilesOptions,
  readingOptions,
  sourceOf,
  stainPlanOf,
} from './open-tiles.ts'
import { type Quality, qualityOf } from './quality.ts'
import { type ReadTiles, readTiles } from './read-tiles.ts'
import { type DataReport, reportOf } from './report.ts'
import type { Leak } from './splits/leakage.ts'
import type { SlideSkipReason } from './wsi/cut-slide.ts'

export interface Assessment {
  /** Counts over every tile; null when not even a list of them could be had. */
  readonly report: DataReport | null
  readonly quality: Quality | null
  /** By their names, for the owner's own screen. */
  readonly named: NamedTiles | null
  /** Why a training with the same options would refuse the data; null when it would not. */
  readonly fault: TesseraError | null
  /** The tiles, as training would open them; null when it would not. */
  readonly tiles: TileSource | null
}

export interface NamedTiles {
  readonly skipped: readonly SkippedTile[]
  readonly leaks: readonly NamedPair[]
  readonly nearDuplicates: readonly NamedPair[]
  /** True when there are more than a list can hold. */
  readonly isCut: boolean
}

/** A tile or a slide. */
export interface SkippedTile {
  readonly name: string
  readonly reason: SkipReason | SlideSkipReason
}

export interface NamedPair extends Pick<Leak, 'kind' | 'distance'> {
  readonly first: string
  readonly second: string
}

export interface AssessOptions extends OpenTilesOptions {
  readonly onRead?: (done: number, total: number) => void
  readonly signal?: AbortSignal
}

/** Reads every tile once, whatever is wrong with others, and says what openTiles would say for training. @throws {TesseraError} ERR_INTERRUPTED */
export async function assessTiles(options: AssessOptions): Promise<Assessment> {
  const skipped: SkippedTile[] = []
  const noting = {
    ...options,
    onSkipped: (name: string, reason: SkippedTile['reason']) => void skipped.push({ name, reason }),
  }
  let fault: TesseraError | null = null
  let read: ReadTiles
  try {
    const listing = await listTiles(listingOptions(noting)).catch((thrown: unknown) => {
      fault = asTesseraError(thrown)
      // Once more, for what there is in spite of it.
      skipped.length = 0
      return listTiles({ ...listingOptions(noting), allowMissingClasses: true, maxBadShare: 1 })
    })
    read = await readTiles(listing, { ...readingOptions(noting), maxBadShare: 1, isMeasured: true })
  } catch (thrown) {
    const error = asTesseraError(thrown)
    if (error.code === 'ERR_INTERRUPTED') throw error
    return { report: null, quality: null, named: null, fault: fault ?? error, tiles: null }
  }
  fault ??= dataFault(read, options)
  let tiles: TileSource | null = null
  try {
    if (fault === null) tiles = sourceOf(read, options, stainPlanOf(read, options))
  } catch (thrown) {
    fault = asTesseraError(thrown)
  }
  const report = reportOf(read, options.classes, options.part ?? 'train')
  const named = { skipped, ...pairsOf(read) }
  return { report, quality: qualityOf(read, options.classes), named, fault, tiles }
}

function pairsOf({ listing, seen, similarity }: ReadTiles): Omit<NamedTiles, 'skipped'> {
  const named = ({ kind, first, second, distance }: Leak): NamedPair => ({
    kind,
    distance,
    first: nameOf(seen[first]?.tile),
    second: nameOf(seen[second]?.tile),
  })
  return {
    leaks: similarity.leaks.map(named),
    nearDuplicates: similarity.nearDuplicates.map(named),
    isCut: similarity.isCut,
  }

  function nameOf(tile: ReadTiles['listing']['tiles'][number] | undefined): string {
    if (tile === undefined) return ''
    return listing.hasParts ? `${tile.name} (${tile.part})` : tile.name
  }
}
