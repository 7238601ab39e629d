/** @file Batch sizes of the contests: `16x128` is 16 images of 128 × 128. */
import { TesseraError } from '@tessera/shared/errors'

export interface Size {
  /** Images of a step. */
  readonly batch: number
  /** Side of an image. */
  readonly sidePx: number
}

// A study allows as much (shared/protocol/study.ts); a batch of one tile has no batch statistics.
const BATCH = { min: 2, max: 4096 }
const SIDE = { min: 16, max: 2048 }

/** Reads sizes as they are typed, `16x128,8x224`. @throws {TesseraError} ERR_USAGE if one is no size, or out of range. */
export function parseSizes(text: string): Size[] {
  return text.split(',').map((part) => {
    const [, batch, sidePx] = /^(\d{1,5})[x×](\d{1,5})$/.exec(part.trim())?.map(Number) ?? []
    if (batch === undefined || sidePx === undefined || !inside(batch, BATCH) || !inside(sidePx, SIDE)) {
      throw new TesseraError(
        'ERR_USAGE',
        `size must be BATCHxSIDE with ${BATCH.min} to ${BATCH.max} images of ${SIDE.min} to ${SIDE.max} px, got ${part}`,
      )
    }
    return { batch, sidePx }
  })
}

/** The size as people read it, `16×128²`. */
export function sizeText({ batch, sidePx }: Size): string {
  return `${batch}×${sidePx}²`
}

function inside(value: number, { min, max }: { min: number; max: number }): boolean {
  return value >= min && value <= max
}
