/** @file Joining a study, and what makes a site believe the coordinator: the pinned key, and a layout that both ends compute alike. */
import type { Clock } from '@tessera/shared/clock'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import { type Layout, layoutHash, studentLayout } from '@tessera/shared/model'
import {
  type Offer,
  PROTOCOL_VERSION,
  type Signed,
  type SiteWork,
  type Study,
  type Welcome,
} from '@tessera/shared/protocol'
import { type KeyPair, readUnverified, sha256Hex, signPayload, verifyPayload } from '@tessera/shared/security'
import type { Ask } from '../uplink/connection.ts'

/** Sent with each join, so that an operator sees who is behind. */
const AGENT_VERSION = '0.1.0'

export interface JoinOptions {
  readonly site: string
  readonly study: string
  readonly keys: KeyPair
  /** The pinned key. */
  readonly coordinatorKey: string
  /** The connection's challenge. */
  readonly nonce: string
  /** What this agent calls itself, as long as it runs. */
  readonly instance: string
  /** The latest record of the site's ledger. */
  readonly latest: { readonly round: number; readonly token: string } | null
  /** The round at work. */
  readonly work: SiteWork | null
  readonly ask: Ask
  readonly clock: Clock
}

/**
 * Proves who this site is, says where it stands, and gives the study as the coordinator signed it.
 * @throws {TesseraError} What {@link checkWelcome} throws; what the coordinator says against the site.
 */
export async function joinStudy(options: JoinOptions): Promise<Welcome> {
  const { site, study, keys, coordinatorKey, nonce, instance, latest, work, ask, clock } = options
  const claim = {
    protocol: PROTOCOL_VERSION,
    site,
    study,
    nonce,
    coordinator: coordinatorKey,
    agentVersion: AGENT_VERSION,
    instance,
    ledger: latest && { round: latest.round, record: sha256Hex(latest.token) },
    work,
    issuedAtMs: clock.now(),
  }
  const { welcome } = await ask('session:join', {
    token: await signPayload('joinToken', claim, keys.privateKey),
  })
  return checkWelcome(welcome, options)
}

/**
 * Gives the welcome of a token if it answers this connection.
 * @throws {TesseraError} ERR_COORDINATOR_KEY if it is not signed with the pinned key; ERR_MESSAGE_INVALID if it answers another question;
 * ERR_LAYOUT_MISMATCH if this version of Tessera gives the study another layout.
 */
export async function checkWelcome(
  token: string,
  { site, study, coordinatorKey, nonce }: Pick<JoinOptions, 'site' | 'study' | 'coordinatorKey' | 'nonce'>,
): Promise<Welcome> {
  const welcome = await verifyPinned('welcome', token, coordinatorKey)
  if (welcome.nonce !== nonce || welcome.site !== site || welcome.study.id !== study) {
    throw new TesseraError(
      'ERR_MESSAGE_INVALID',
      `welcome must answer this session of ${site} in ${study}, got another`,
    )
  }
  assertLayout('welcome', studentLayout(welcome.study), welcome.layoutHash)
  return welcome
}

/**
 * A coordinator that was restored from an old backup would tell the rounds since then anew, and otherwise. This site takes no part in that:
 * it shows what it has, so that the study is halted, and waits for a newer backup.
 * @throws {TesseraError} ERR_LEDGER_BEHIND; what the coordinator says against the record.
 */
export async function assertNotBehind(
  { round, prove, phase, study }: Welcome,
  latest: JoinOptions['latest'],
  ask: Ask,
): Promise<void> {
  if (latest !== null && prove) await ask('ledger:show', { record: latest.token })
  if (phase !== 'halted' && round >= (latest?.round ?? 0)) return
  const got = phase === 'halted' ? 'a study that is halted for this' : `round ${round}`
  throw new TesseraError(
    'ERR_LEDGER_BEHIND',
    `coordinator must have published round ${latest?.round ?? 0} of ${study.id} or later, got ${got}: waiting for its operator to restore a newer backup`,
  )
}

/** What a site knows of its study when an offer comes. */
export interface OfferContext {
  readonly site: string
  readonly study: Study
  readonly layout: Layout
  readonly coordinatorKey: string
  /** Latest record of the site's ledger: offers up to its round are old, and the next one's base is its student. */
  readonly latest: JoinOptions['latest']
}

/**
 * Gives the offer of a token if it is this site's, of this study and not of the past.
 * @throws {TesseraError} ERR_SIGNATURE_INVALID, ERR_MESSAGE_INVALID, ERR_STUDY_UNKNOWN, ERR_SITE_UNKNOWN, ERR_LAYOUT_MISMATCH, ERR_ROUND_CLOSED;
 * ERR_LEDGER_BROKEN if it would have the site train from another student than the one that was published.
 */
export async function checkOffer(token: string, context: OfferContext): Promise<Offer> {
  const { site, study, layout, coordinatorKey, latest } = context
  const published = latest?.round ?? 0
  const offer = await verifyPayload('offer', token, coordinatorKey)
  if (offer.study !== study.id) {
    throw new TesseraError('ERR_STUDY_UNKNOWN', `offer must be of study ${study.id}, got ${offer.study}`)
  }
  if (offer.site !== site) {
    throw new TesseraError('ERR_SITE_UNKNOWN', `offer must be for site ${site}, got ${offer.site}`)
  }
  assertLayout('offer', layout, offer.layoutHash)
  if (offer.round <= published) {
    throw new TesseraError(
      'ERR_ROUND_CLOSED',
      `offer must be of round ${published + 1} or later, got ${offer.round}`,
    )
  }
  // Verified when it was taken into the ledger.
  const student = latest && readUnverified('published', latest.token).student
  if (offer.round === published + 1 && student !== null && offer.base !== student) {
    throw new TesseraError(
      'ERR_LEDGER_BROKEN',
      `offer of round ${offer.round} must start from the published student ${student}, got ${offer.base}`,
    )
  }
  return offer
}

/** Verifies what only the coordinator of the enrolment can have signed. @throws {TesseraError} ERR_COORDINATOR_KEY */
export async function verifyPinned<K extends 'welcome' | 'enrolConfirmation'>(
  kind: K,
  token: string,
  coordinatorKey: string,
): Promise<Signed<K>> {
  try {
    return await verifyPayload(kind, token, coordinatorKey)
  } catch (thrown) {
    const error = asTesseraError(thrown)
    if (error.code !== 'ERR_SIGNATURE_INVALID') throw error
    throw new TesseraError(
      'ERR_COORDINATOR_KEY',
      'coordinator must sign with the key of the enrolment kit, got another signature',
      { cause: error },
    )
  }
}

function assertLayout(role: string, layout: Layout, hash: string): void {
  const own = layoutHash(layout)
  if (hash === own) return
  throw new TesseraError('ERR_LAYOUT_MISMATCH', `${role} must have layout ${own}, got ${hash}`)
}
