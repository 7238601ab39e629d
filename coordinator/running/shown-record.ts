/** @file A record that a site shows, to prove that this coordinator has published what its log does not know. */
import { TesseraError } from '@tessera/shared/errors'
import { readUnverified, sha256Hex, verifyPayload } from '@tessera/shared/security'
import { hasPublished, type RoundsState } from '../rounds/index.ts'

/**
 * Gives the record's round, once it is one that this coordinator has signed and the log does not have.
 * @param keyOf The key that must have signed a round's record.
 * @throws {TesseraError} ERR_SIGNATURE_INVALID, ERR_STUDY_UNKNOWN; ERR_CONNECTION_LOST if the log has it by now: the site should join again.
 */
export async function checkShown(
  token: string,
  state: RoundsState,
  keyOf: (study: string, round: number) => string,
): Promise<number> {
  const { study } = state
  const claimed = readUnverified('published', token)
  const record = await verifyPayload('published', token, keyOf(study, claimed.round))
  if (record.study !== study) {
    throw new TesseraError('ERR_STUDY_UNKNOWN', `record must be of study ${study}, got ${record.study}`)
  }
  if (hasPublished(state, record.round, sha256Hex(token))) {
    throw new TesseraError(
      'ERR_CONNECTION_LOST',
      `record ${record.round} must be shown once, got it known by now`,
    )
  }
  return record.round
}
