/** @file Joining a study, and what makes a site believe the coordinator: the pinned key, and a layout that both ends compute alike. */
import type { Clock } from '@tessera/shared/clock'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import { type Layout, layoutHash, studentLayout } from '@tessera/shared/model'
import {
  type Offer,
  type Plan,
  PROTOCOL_VERSION,
  type Signed,
  type SiteWork,
  type Study,
  TESSERA_VERSION,
  type Welcome,
} from '@tessera/shared/protocol'
import { type KeyPair, sha256Hex, signPayload, verifyPayload } from '@tessera/shared/security'
import type { Ask } from '../uplink/connection.ts'
import type { CoordinatorKeys } from './coordinator-keys.ts'
import type { LatestRecord } from './ledger.ts'

export interface JoinOptions {
  readonly site: string
  readonly study: string
  readonly keys: KeyPair
  readonly coordinator: CoordinatorKeys
  /** Highest version of the protocol that this site has spoken with the coordinator. */
  readonly protocol?: number | undefined
  /** The connection's challenge. */
  readonly nonce: string
  /** What it computes with, for the operator to see; absent when that is not known yet. */
  readonly engine?: string | undefined
  /** What this agent calls itself, as long as it runs. */
  readonly instance: string
  /** The latest record of the site's ledger. */
  readonly latest: LatestRecord | null
  /** The round at work. */
  readonly work: SiteWork | null
  readonly ask: Ask
  readonly clock: Clock
  readonly log: Log
}

/** A study as this site has joined it. */
export interface JoinedStudy {
  readonly welcome: Welcome
  readonly plan: Plan
  /** The plan's JWS. */
  readonly planToken: string
}

/**
 * Proves who this site is, says where it stands, and gives the study as the coordinator signed it. Follows a change of the coordinator's key before.
 * @throws {TesseraError} What {@link checkWelcome} throws; ERR_PROTOCOL_VERSION if the coordinator speaks an older one than before; ERR_LAYOUT_MISMATCH
 * if this version of Tessera gives the study another layout; what the coordinator says against the site.
 */
export async function joinStudy(options: JoinOptions): Promise<JoinedStudy> {
  const { site, study, keys, coordinator, nonce, engine, instance, latest, work, ask, clock, log } = options
  await coordinator.follow(ask, log)
  const coordinatorKey = coordinator.current()
  const claim = {
    protocol: PROTOCOL_VERSION,
    site,
    study,
    nonce,
    coordinator: coordinatorKey,
    agentVersion: TESSERA_VERSION,
    ...(engine === undefined ? {} : { engine }),
    instance,
    ledger: latest && { round: latest.round, record: sha256Hex(latest.token) },
    work,
    issuedAtMs: clock.now(),
  }
  const { welcome: token, plan: planToken } = await ask('session:join', {
    token: await signPayload('joinToken', claim, keys.privateKey),
  })
  const planHash = sha256Hex(planToken)
  const welcome = await checkWelcome(token, { site, plan: planHash, coordinatorKey, nonce })
  const plan = await verifyPinned('plan', planToken, coordinator.keyOfPlan(planHash))
  if (plan.study.id !== study) throw anotherSession(site)
  assertNoDowngrade(welcome.protocol, plan.protocol, options.protocol ?? 0)
  assertLayout('plan', studentLayout(plan.study), plan.layoutHash)
  return { welcome, plan, planToken }
}

/** What a welcome must answer. */
interface Session {
  readonly site: string
  /** SHA-256 of the study's plan. */
  readonly plan: string
  readonly coordinatorKey: string
  /** The connection's challenge. */
  readonly nonce: string
}

/**
 * Gives the welcome of a token if it answers this connection.
 * @throws {TesseraError} ERR_COORDINATOR_KEY if it is not signed with the coordinator's key; ERR_MESSAGE_INVALID if it answers another session.
 */
export async function checkWelcome(
  token: string,
  { site, plan, coordinatorKey, nonce }: Session,
): Promise<Welcome> {
  const welcome = await verifyPinned('welcome', token, coordinatorKey)
  if (welcome.nonce !== nonce || welcome.site !== site || welcome.plan !== plan) throw anotherSession(site)
  return welcome
}

function anotherSession(site: string): TesseraError {
  return new TesseraError(
    'ERR_MESSAGE_INVALID',
    `welcome must answer this session of ${site} in its study, got another`,
  )
}

/** What is signed as an older version than was spoken before may be a way around what the newer one has mended. */
function assertNoDowngrade(spoken: number, ofPlan: number, seen: number): void {
  if (spoken < seen) {
    throw new TesseraError(
      'ERR_PROTOCOL_VERSION',
      `coordinator must speak protocol ${seen} or later, as it did before, got ${spoken}`,
    )
  }
  if (ofPlan > PROTOCOL_VERSION) {
    throw new TesseraError(
      'ERR_PROTOCOL_VERSION',
      `plan must be of protocol ${PROTOCOL_VERSION} or earlier, got ${ofPlan}`,
    )
  }
}

/**
 * A coordinator that was restored from an old backup would tell the rounds since then anew, and otherwise. This site takes no part in that:
 * it shows what it has, so that the study is halted, and waits for a newer backup.
 * @throws {TesseraError} ERR_LEDGER_BEHIND; what the coordinator says against the record.
 */
export async function assertNotBehind(
  study: string,
  { round, prove, phase }: Welcome,
  latest: JoinOptions['latest'],
  ask: Ask,
): Promise<void> {
  if (latest !== null && prove) await ask('ledger:show', { record: latest.token })
  if (phase !== 'halted' && round >= (latest?.round ?? 0)) return
  const got = phase === 'halted' ? 'a study that is halted for this' : `round ${round}`
  throw new TesseraError(
    'ERR_LEDGER_BEHIND',
    `coordinator must have published round ${latest?.round ?? 0} of ${study} or later, got ${got}: waiting for its operator to restore a newer backup`,
  )
}

/** What a site knows of its study when an offer comes. */
export interface OfferContext {
  readonly site: string
  readonly study: Study
  readonly layout: Layout
  /** SHA-256 of the pinned plan. */
  readonly plan: string
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
  const { site, study, layout, plan, coordinatorKey, latest } = context
  const published = latest?.round ?? 0
  const offer = await verifyPayload('offer', token, coordinatorKey)
  if (offer.study !== study.id) {
    throw new TesseraError('ERR_STUDY_UNKNOWN', `offer must be of study ${study.id}, got ${offer.study}`)
  }
  if (offer.site !== site) {
    throw new TesseraError('ERR_SITE_UNKNOWN', `offer must be for site ${site}, got ${offer.site}`)
  }
  assertLayout('offer', layout, offer.layoutHash)
  if (offer.plan !== plan) {
    throw new TesseraError('ERR_PLAN_CHANGED', `offer must be of plan ${plan}, got ${offer.plan}`)
  }
  if (offer.round <= published) {
    throw new TesseraError(
      'ERR_ROUND_CLOSED',
      `offer must be of round ${published + 1} or later, got ${offer.round}`,
    )
  }
  if (latest !== null && offer.round === published + 1 && offer.base !== latest.student) {
    throw new TesseraError(
      'ERR_LEDGER_BROKEN',
      `offer of round ${offer.round} must start from the published student ${latest.student}, got ${offer.base}`,
    )
  }
  return offer
}

/** Verifies what only the coordinator of the enrolment can have signed. @throws {TesseraError} ERR_COORDINATOR_KEY */
export async function verifyPinned<
  K extends 'welcome' | 'plan' | 'enrolConfirmation' | 'siteKeyConfirmation',
>(kind: K, token: string, coordinatorKey: string): Promise<Signed<K>> {
  try {
    return await verifyPayload(kind, token, coordinatorKey)
  } catch (thrown) {
    const error = asTesseraError(thrown)
    if (error.code !== 'ERR_SIGNATURE_INVALID') throw error
    throw new TesseraError(
      'ERR_COORDINATOR_KEY',
      'coordinator must sign with the key of the enrolment kit or one that follows from it, got another signature',
      { cause: error },
    )
  }
}

function assertLayout(role: string, layout: Layout, hash: string): void {
  const own = layoutHash(layout)
  if (hash === own) return
  throw new TesseraError('ERR_LAYOUT_MISMATCH', `${role} must have layout ${own}, got ${hash}`)
}
