/** @file What a study says under the coordinator's signature: welcome and offer. Both follow from the state, so a restart says the same again. */
import { PROTOCOL_VERSION } from '@tessera/shared/protocol'
import { type KeyPair, signPayload } from '@tessera/shared/security'
import type { StudyCreated } from '../events.ts'
import type { RoundsState } from '../rounds/index.ts'
import type { Store } from '../store/index.ts'

/** The study in full and where it stands. `round`: rounds published so far. */
export function signWelcome(
  { study, layoutHash }: StudyCreated,
  { phase, round, student }: RoundsState,
  { site, nonce, nowMs }: { site: string; nonce: string; nowMs: number },
  key: KeyPair,
): Promise<string> {
  const finished = phase === 'finished'
  return signPayload(
    'welcome',
    {
      protocol: PROTOCOL_VERSION,
      site,
      nonce,
      study,
      layoutHash,
      round: finished ? round : round - 1,
      student,
      finished,
      issuedAtMs: nowMs,
    },
    key.privateKey,
  )
}

/** The open round's offer to a site that has not answered it; `null` if there is none. */
export async function signOffer(
  { study, layoutHash }: StudyCreated,
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
      nonce,
      issuedAtMs: openedAtMs,
      deadlineMs,
    },
    key.privateKey,
  )
}
