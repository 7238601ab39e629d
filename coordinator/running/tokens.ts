/** @file What a study says under the coordinator's signature: welcome and offer. Both follow from the state, so a restart says the same again. */
import { TesseraError } from '@tessera/shared/errors'
import { PROTOCOL_VERSION } from '@tessera/shared/protocol'
import { type KeyPair, sha256Hex, signPayload } from '@tessera/shared/security'
import type { RoundsState } from '../rounds/index.ts'
import type { Store } from '../store/index.ts'
import type { PlannedStudy } from '../studies/plan.ts'

/** Where the study stands. `round`: rounds published so far. */
export function signWelcome(
  { plan }: PlannedStudy,
  { phase, round, student }: RoundsState,
  { site, nonce }: { site: string; nonce: string },
  key: KeyPair,
): Promise<string> {
  const finished = phase === 'finished'
  return signPayload(
    'welcome',
    {
      protocol: PROTOCOL_VERSION,
      site,
      nonce,
      plan: sha256Hex(plan),
      round: finished ? round : round - 1,
      student,
      finished,
    },
    key.privateKey,
  )
}

/** The open round's offer to a site that has not answered it; `null` if there is none. */
export async function signOffer(
  { study, layoutHash, plan }: PlannedStudy,
  { current, phase }: RoundsState,
  site: string,
  models: Store['models'],
  key: KeyPair,
): Promise<string | null> {
  const nonce = current?.offers.get(site)
  if (current === null || phase !== 'collecting' || nonce === undefined) return null
  if (current.accepted.has(site) || current.excused.has(site)) return null
  const { base, round, attempt, deadlineMs, openedAtMs } = current
  const { totalBytes } = await models.loadPart(base, 0, 0)
  return signPayload(
    'offer',
    {
      study: study.id,
      site,
      round,
      attempt,
      base,
      baseBytes: totalBytes,
      layoutHash,
      plan: sha256Hex(plan),
      nonce,
      issuedAtMs: openedAtMs,
      deadlineMs,
    },
    key.privateKey,
  )
}

/** The record of a published round. @throws {TesseraError} ERR_ROUND_WRONG if it is not published. */
export function findRecord({ history, study }: RoundsState, round: number): string {
  // From the end: a site that was away asks for the latest ones.
  const record = history.findLast((ended) => ended.round === round && ended.end?.record)?.end?.record
  if (record !== undefined && record !== null) return record
  throw new TesseraError('ERR_ROUND_WRONG', `round of study ${study} must be published, got ${round}`)
}
