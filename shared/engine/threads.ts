/**
 * @file How many threads the engine works with.
 */
import { availableParallelism } from 'node:os'
import { TesseraError } from '../errors.ts'

/** Beyond, a batch of 16 tiles has too few tasks a kernel to go round. */
const DEFAULT_AT_MOST = 8
const AT_MOST = 64

/**
 * Returns the number of threads: `chosen`, else the environment's TESSERA_THREADS, else the processors this process may use, 8 at most.
 * @param environment Of the process.
 * @throws {TesseraError} ERR_CONFIG_INVALID if what is chosen is not a whole number from 1 to 64.
 */
export function threadCount(
  chosen: number | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): number {
  const text = environment.TESSERA_THREADS
  if (chosen === undefined && (text === undefined || text === '')) {
    return Math.min(DEFAULT_AT_MOST, availableParallelism())
  }
  const count = chosen ?? (/^\d{1,4}$/.test(text ?? '') ? Number(text) : Number.NaN)
  if (!Number.isInteger(count) || count < 1 || count > AT_MOST) {
    const got = chosen ?? JSON.stringify(text)
    throw new TesseraError(
      'ERR_CONFIG_INVALID',
      `threads must be a whole number from 1 to ${AT_MOST}, got ${got}`,
    )
  }
  return count
}
