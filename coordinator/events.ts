/** @file Everything the coordinator's log may hold: what operators did, which sites enrolled, and each study's rounds. */
import { MAX_TOKEN_CHARACTERS, name, sha256, study } from '@tessera/shared/protocol'
import { z } from 'zod'
import {
  roundCalled,
  roundEvent,
  siteRevoked,
  studyCancelled,
  studyPaused,
  studyUnpaused,
} from './rounds/index.ts'

const timeMs = z.int().min(0)
const nonce = z.string().min(16).max(64)
const token = z.string().min(1).max(MAX_TOKEN_CHARACTERS)
const publicKey = z.string().regex(/^[A-Za-z0-9_-]{43}$/)

/** `student`: SHA-256 of the initial student's file. The study's teacher, if it has one, is stored under its own hash. */
export const studyCreated = z.strictObject({
  type: z.literal('study.created'),
  study,
  layoutHash: sha256,
  student: sha256,
  /** JWS of the plan; studies of before there were plans have none. */
  plan: token.optional(),
  atMs: timeMs,
})
/** The kit's secret is not in the log, but in a file of its own that goes when the kit is used. */
export const kitIssued = z.strictObject({
  type: z.literal('kit.issued'),
  kit: nonce,
  site: name,
  expiresAtMs: timeMs,
  /** Whoever uses the kit needs no approval: the way it is handed over is trusted enough. */
  autoApprove: z.boolean().optional(),
  atMs: timeMs,
})
/** The site's kits that nobody has used are void. */
export const kitsWithdrawn = z.strictObject({ type: z.literal('kits.withdrawn'), site: name, atMs: timeMs })
export const siteEnrolled = z.strictObject({
  type: z.literal('site.enrolled'),
  kit: nonce,
  site: name,
  publicKey,
  atMs: timeMs,
})

/** The operator has compared fingerprints: this key, and no other that may come between, is the site's. */
export const siteApproved = z.strictObject({
  type: z.literal('site.approved'),
  site: name,
  publicKey,
  atMs: timeMs,
})
/** The site has replaced its key. `request`: its JWS under the old key, `proof`: the same under the new one. */
export const siteRekeyed = z.strictObject({
  type: z.literal('site.rekeyed'),
  site: name,
  from: publicKey,
  to: publicKey,
  request: token,
  proof: token,
  atMs: timeMs,
})

/** What an operator's command may add, also while the coordinator runs. */
export const commandEvent = z.discriminatedUnion('type', [
  studyCreated,
  studyPaused,
  studyUnpaused,
  studyCancelled,
  roundCalled,
  kitIssued,
  kitsWithdrawn,
  siteApproved,
  siteRevoked,
])
export type CommandEvent = z.infer<typeof commandEvent>

/** What concerns who takes part, not a study's rounds. A revocation concerns both. */
const identityEvents = [kitIssued, kitsWithdrawn, siteEnrolled, siteApproved, siteRekeyed] as const
export type IdentityEvent = z.infer<(typeof identityEvents)[number]>

export const storedEvent = z.discriminatedUnion('type', [studyCreated, ...identityEvents, roundEvent])
export type StoredEvent = z.infer<typeof storedEvent>
export type StudyCreated = z.infer<typeof studyCreated>
export type SiteEnrolled = z.infer<typeof siteEnrolled>
export type SiteRekeyed = z.infer<typeof siteRekeyed>

const IDENTITY_TYPES: ReadonlySet<string> = new Set(identityEvents.map(({ shape }) => shape.type.value))

/** True for events that say nothing about rounds. */
export function isIdentityEvent(event: StoredEvent): event is IdentityEvent {
  return IDENTITY_TYPES.has(event.type)
}
