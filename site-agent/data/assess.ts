/** @file Looks at a whole folder even when it could not be trained on, so that an operator sees everything that is wrong at once. */
import { asTesseraError, type TesseraError } from '@tessera/shared/errors'
import { type DataReport, type OpenTilesOptions, openTiles } from './open-tiles.ts'

export interface Assessment {
  /** Counts over every file; null when not even the class folders could be read. */
  readonly report: DataReport | null
  /** Why a training with the same options would refuse the folder; null when it would not. */
  readonly fault: TesseraError | null
}

/** Reads every tile, whatever is wrong with others, and says what openTiles would say for training. */
export async function assessTiles(options: OpenTilesOptions): Promise<Assessment> {
  let report: DataReport | null = null
  try {
    const lenient = { maxBadShare: 1, allowMissingClasses: true, purpose: 'evaluation' } as const
    report = (await openTiles({ ...options, ...lenient, memoryBudgetBytes: 0 })).report
    // Once more, as training would: the rules live in one place.
    const { onSkipped: _, ...strict } = options
    await openTiles({ ...strict, memoryBudgetBytes: 0 })
    return { report, fault: null }
  } catch (thrown) {
    return { report, fault: asTesseraError(thrown) }
  }
}
