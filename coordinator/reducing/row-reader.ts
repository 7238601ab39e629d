/** @file The blocks of stored deltas, read where they lie. */
import { readSync } from 'node:fs'
import type { DeltaBlock } from '@tessera/shared/delta'
import { TesseraError } from '@tessera/shared/errors'

/** Reads rows of a block from their files. */
export function rowReader(
  { offset }: DeltaBlock,
  descriptors: readonly number[],
): (row: number, into: Uint8Array) => void {
  return (row, into) => {
    for (let done = 0; done < into.length; ) {
      const read = readSync(descriptors[row] ?? -1, into, done, into.length - done, offset + done)
      if (read === 0) {
        throw new TesseraError(
          'ERR_STORE_CORRUPT',
          `stored delta must have ${offset + into.length} bytes, got ${offset + done}`,
        )
      }
      done += read
    }
  }
}
