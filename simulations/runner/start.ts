/** @file The file that a run's networks start from, instead of from chance. */
import { readFile } from 'node:fs/promises'
import { TesseraError } from '@tessera/shared/errors'
import { type Architecture, recogniseCheckpoint } from '@tessera/shared/model'
import { sha256Hex } from '@tessera/shared/security'

export interface StartFile {
  readonly file: string
  /** Another file under the same name is another run. */
  readonly sha256: string
  /** As the file's tensors tell. */
  readonly architecture: Architecture
}

/**
 * @param what Gives the file a name in errors.
 * @throws {TesseraError} ERR_MODEL_FILE if it cannot be read or is broken; ERR_LAYOUT_MISMATCH if it is of no network known here.
 */
export async function readStart(file: string, what = '--start'): Promise<StartFile> {
  try {
    const bytes = await readFile(file)
    return { file, sha256: sha256Hex(bytes), architecture: recogniseCheckpoint(bytes).architecture }
  } catch (cause) {
    if (cause instanceof TesseraError) throw cause
    const reason = (cause as NodeJS.ErrnoException).code ?? 'an unknown failure'
    throw new TesseraError('ERR_MODEL_FILE', `${what} must be a readable file, got ${reason}`, { cause })
  }
}
