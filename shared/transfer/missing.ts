/** @file Which chunks a receiver lacks, one bit a chunk: 256 bytes for the largest list. Bit i % 8 of byte ⌊i / 8⌋, the lowest first, is chunk i. */
import { TesseraError } from '../errors.ts'

/** Packs the indices of the missing chunks of a list of `count`. */
export function packMissing(missing: Iterable<number>, count: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil(count / 8))
  for (const index of missing) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7))
  return bits
}

/**
 * The indices, ascending.
 * @throws {TesseraError} ERR_MESSAGE_INVALID if the bits are not those of a list of `count`.
 */
export function unpackMissing(bits: Uint8Array, count: number): number[] {
  const length = Math.ceil(count / 8)
  if (bits.byteLength !== length) throw invalid(`have ${length} bytes`, `${bits.byteLength}`)
  const missing: number[] = []
  for (let index = 0; index < length * 8; index++) {
    if (((bits[index >> 3] ?? 0) & (1 << (index & 7))) === 0) continue
    if (index >= count) throw invalid(`be of the list's ${count} chunks`, `chunk ${index}`)
    missing.push(index)
  }
  return missing
}

function invalid(rule: string, got: string): TesseraError {
  return new TesseraError('ERR_MESSAGE_INVALID', `missing chunks must ${rule}, got ${got}`)
}
