/** @file What is kept of a training between epochs, so that one that was cut off goes on with the bits it would have had. */
import { rm, stat } from 'node:fs/promises'
import { TesseraError } from '@tessera/shared/errors'
import { isMissing, readStored, unseal, writeSealed } from '@tessera/shared/files'
import type { Weights } from '@tessera/shared/model'
import type { LocalState } from '../distill/index.ts'

/** Scores of an epoch. */
export interface EpochScore {
  readonly epoch: number
  /** Mean cross-entropy of the epoch's steps. */
  readonly loss: number
  /** Share of the validation tiles that are right. */
  readonly accuracy: number
}

export interface TeacherProgress {
  /** Of all that the bits depend on. */
  readonly fingerprint: string
  readonly scores: readonly EpochScore[]
  readonly last: Weights
  readonly best: Weights
  readonly state: LocalState
}

const ROLE = 'progress of the training'

/**
 * Reads what an earlier run left; null when there is none.
 * @throws {TesseraError} ERR_STORE_CORRUPT if it is not as written; ERR_USAGE if it is of another training.
 */
export async function readProgress(file: string, fingerprint: string): Promise<TeacherProgress | null> {
  const missing = await stat(file).then(() => false, isMissing)
  if (missing) return null
  const progress = unseal(ROLE, await readStored(ROLE, file)) as TeacherProgress
  if (progress.fingerprint === fingerprint) return progress
  throw new TesseraError(
    'ERR_USAGE',
    'training that was begun must go on with the same settings, tiles and start, got others: give those again, or remove the .progress file beside the output to begin anew',
  )
}

export function writeProgress(file: string, progress: TeacherProgress): Promise<void> {
  return writeSealed(file, progress)
}

export function removeProgress(file: string): Promise<void> {
  return rm(file, { force: true })
}
