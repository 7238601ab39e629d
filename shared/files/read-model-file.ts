/** @file Reads a model's file that a person has named. */
import { readFile, stat } from 'node:fs/promises'
import { TesseraError } from '../errors.ts'
import { MAX_MODEL_BYTES } from '../protocol/limits.ts'

/**
 * Returns its bytes; a file that is too large is not read.
 * @param role Of the model, for the message, which says no path.
 * @throws {TesseraError} ERR_MODEL_FILE
 */
export async function readModelFile(role: string, file: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(file)
    if (size <= MAX_MODEL_BYTES) return await readFile(file)
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code
    throw new TesseraError('ERR_MODEL_FILE', `${role} file must be readable, got ${reason}`, { cause })
  }
  throw new TesseraError(
    'ERR_MODEL_FILE',
    `${role} file must have at most ${MAX_MODEL_BYTES} bytes, got more`,
  )
}
