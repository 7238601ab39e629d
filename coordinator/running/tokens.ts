/** @file What a study says under the coordinator's signature: welcome and offer. Both follow from the state, so a restart says the same again. */
import { PROTOCOL_VERSION } from '@tessera/shared/protocol'
import { type KeyPair, sha256Hex, signPayload } from '@tessera/shared/security'
import { limitMs, type RoundsState } from '../rounds/index.ts'
import type { Store } from '../store/index.ts'
import type { PlannedStudy } from '../studies/plan.ts'

export interface WelcomeDetails {
  readonly site: string
  readonly nonce: string
  /** The site's offer, if it has one. */
  readonly offer: string | null
  /** Bytes that are there of an update without a receipt. */
  readonly receivedBytes: number
  /** The site has to show a record. */
  readonly prove: boolean
  readonly nowMs: number
}

/** Where the study stands. `round`: rounds published so far. */
export function signWelcome(
  { plan }: PlannedStudy,
  state: RoundsState,
  { site, nonce, offer, receivedBytes, prove, nowMs }: WelcomeDetails,
  key: KeyPair,
): Promise<string> {
  const { phase, paused, round, student, previous, current } = state
  const open = phase === 'collecting' ? current : null
  const delivered = open?.accepted.get(site)
  const at = open && { round: open.round, attempt: open.attempt }
  const update = at && (delivered !== undefined || receivedBytes > 0)
  return signPayload(
    'welcome',
    {
      protocol: PROTOCOL_VERSION,
      site,
      nonce,
      plan: sha256Hex(plan),
      round: phase === 'finished' ? round : round - 1,
      student,
      record: previous,
      phase,
      paused,
      open: at && { ...at, deadlineMs: open.deadlineMs },
      offer,
      update: update
        ? { ...at, bytes: delivered?.bytes ?? receivedBytes, accepted: delivered !== undefined }
        : null,
      prove,
      issuedAtMs: nowMs,
    },
    key.privateKey,
  )
}

/** The open round's offer to a site that has not answered it; `null` if there is none. */
export async function signOffer(
  { study, layoutHash, plan }: PlannedStudy,
  { current, phase, policy }: RoundsState,
  site: string,
  models: Store['models'],
  key: KeyPair,
): Promise<string | null> {
  const nonce = current?.offers.get(site)
  if (current === null || phase !== 'collecting' || nonce === undefined) return null
  if (current.accepted.has(site) || current.excused.has(site)) return null
  const { base, round, attempt, openedAtMs } = current
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
      deadlineMs: limitMs(policy, current),
    },
    key.privateKey,
  )
}
