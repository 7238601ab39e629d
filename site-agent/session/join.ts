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
  type Study,
  type Welcome,
} from '@tessera/shared/protocol'
import { type KeyPair, sha256Hex, signPayload, verifyPayload } from '@tessera/shared/security'
import type { Ask } from '../uplink/connection.ts'
import type { CoordinatorKeys } from './coordinator-keys.ts'

/** Sent with each join, so that an operator sees who is behind. */
const AGENT_VERSION = '0.1.0'

export interface JoinOptions {
  readonly site: string
  readonly study: string
  readonly keys: KeyPair
  readonly coordinator: CoordinatorKeys
  /** Highest version of the protocol that this site has spoken with the coordinator. */
  readonly protocol?: number | undefined
  /** The connection's challenge. */
  readonly nonce: string
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
 * Proves who this site is and gives the study as the coordinator signed it. Follows a change of the coordinator's key before.
 * @throws {TesseraError} ERR_COORDINATOR_KEY if the answer is not signed with the pinned key; ERR_MESSAGE_INVALID if it answers another
 * question; ERR_PROTOCOL_VERSION if it speaks an older one than before; ERR_LAYOUT_MISMATCH if this version of Tessera gives the study another layout; what the coordinator says against the site.
 */
export async function joinStudy(options: JoinOptions): Promise<JoinedStudy> {
  const { site, study, keys, coordinator, nonce, ask, clock, log } = options
  await coordinator.follow(ask, log)
  const coordinatorKey = coordinator.current()
  const claim = {
    protocol: PROTOCOL_VERSION,
    site,
    study,
    nonce,
    coordinator: coordinatorKey,
    agentVersion: AGENT_VERSION,
    issuedAtMs: clock.now(),
  }
  const { welcome: token, plan: planToken } = await ask('session:join', {
    token: await signPayload('joinToken', claim, keys.privateKey),
  })
  const welcome = await verifyPinned('welcome', token, coordinatorKey)
  const plan = await verifyPinned('plan', planToken, coordinator.keyOfPlan(sha256Hex(planToken)))
  const answers = welcome.nonce === nonce && welcome.site === site
  if (!answers || plan.study.id !== study || welcome.plan !== sha256Hex(planToken)) {
    throw new TesseraError(
      'ERR_MESSAGE_INVALID',
      `welcome must answer this session of ${site} in ${study}, got another`,
    )
  }
  assertNoDowngrade(welcome.protocol, plan.protocol, options.protocol ?? 0)
  assertLayout('plan', studentLayout(plan.study), plan.layoutHash)
  return { welcome, plan, planToken }
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

/** What a site knows of its study when an offer comes. */
export interface OfferContext {
  readonly site: string
  readonly study: Study
  readonly layout: Layout
  /** SHA-256 of the pinned plan. */
  readonly plan: string
  readonly coordinatorKey: string
  /** Latest round whose record the site has: offers up to it are old. */
  readonly published: number
}

/**
 * Gives the offer of a token if it is this site's, of this study and not of the past.
 * @throws {TesseraError} ERR_SIGNATURE_INVALID, ERR_MESSAGE_INVALID, ERR_STUDY_UNKNOWN, ERR_SITE_UNKNOWN, ERR_LAYOUT_MISMATCH, ERR_ROUND_CLOSED.
 */
export async function checkOffer(token: string, context: OfferContext): Promise<Offer> {
  const { site, study, layout, plan, coordinatorKey, published } = context
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
