/** @file The chain of a study's published records, checked link by link. */
import { TesseraError } from '../errors.ts'
import type { Published } from '../protocol/signed.ts'
import { sha256Hex } from './digest.ts'
import type { KeyRing } from './key-ring.ts'
import { readUnverified, verifyPayload } from './sign.ts'

/**
 * Gives the record of a token that must follow another.
 * @param previous SHA-256 of the record before, `''` for round 1.
 * @throws {TesseraError} ERR_LEDGER_BROKEN, naming the round.
 */
export async function verifyRecord(
  token: string,
  want: { study: string; round: number; previous: string },
  ring: Pick<KeyRing, 'keyOf'>,
): Promise<Published> {
  const { study, round, previous } = want
  const claimed = readUnverified('published', token)
  if (claimed.study !== study) throw broken(round, `be of study ${study}`, claimed.study)
  if (claimed.round !== round) throw broken(round, 'have its record', `that of round ${claimed.round}`)
  const record = await verifyPayload('published', token, ring.keyOf(study, round)).catch((cause: unknown) => {
    throw broken(round, 'have a record signed by the coordinator', 'another signature', cause)
  })
  if (record.previous !== previous) throw broken(round, 'follow from the record before', 'another hash')
  return record
}

/** As {@link verifyRecord}, for the records of rounds 1, 2, 3 … */
export async function verifyRecords(
  tokens: readonly string[],
  study: string,
  ring: Pick<KeyRing, 'keyOf'>,
): Promise<Published[]> {
  const records: Published[] = []
  for (const [i, token] of tokens.entries()) {
    const previous = i === 0 ? '' : sha256Hex(tokens[i - 1] ?? '')
    records.push(await verifyRecord(token, { study, round: i + 1, previous }, ring))
  }
  return records
}

/** What a check of the ledger has found, by the round it was found in. */
export function broken(round: number, rule: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError('ERR_LEDGER_BROKEN', `round ${round} must ${rule}, got ${got}`, { cause })
}
