/** @file Everything the coordinator's log may hold: what operators did, which sites enrolled, and each study's rounds. */
import { name, sha256, study } from '@tessera/shared/protocol'
import { z } from 'zod'
import { roundEvent, siteRevoked, studyCancelled, studyPaused, studyUnpaused } from './rounds/index.ts'

const timeMs = z.int().min(0)
const nonce = z.string().min(16).max(64)
const publicKey = z.string().regex(/^[A-Za-z0-9_-]{43}$/)

/** `student`: SHA-256 of the initial student's file. The study's teacher, if it has one, is stored under its own hash. */
export const studyCreated = z.strictObject({
  type: z.literal('study.created'),
  study,
  layoutHash: sha256,
  student: sha256,
  atMs: timeMs,
})
/** The kit's secret is not in the log, but in a file of its own that goes when the kit is used. */
export const kitIssued = z.strictObject({
  type: z.literal('kit.issued'),
  kit: nonce,
  site: name,
  expiresAtMs: timeMs,
  atMs: timeMs,
})
export const siteEnrolled = z.strictObject({
  type: z.literal('site.enrolled'),
  kit: nonce,
  site: name,
  publicKey,
  atMs: timeMs,
})

/** What an operator's command may add, also while the coordinator runs. */
export const commandEvent = z.discriminatedUnion('type', [
  studyCreated,
  studyPaused,
  studyUnpaused,
  studyCancelled,
  kitIssued,
  siteRevoked,
])
export type CommandEvent = z.infer<typeof commandEvent>

export const storedEvent = z.discriminatedUnion('type', [studyCreated, kitIssued, siteEnrolled, roundEvent])
export type StoredEvent = z.infer<typeof storedEvent>
export type StudyCreated = z.infer<typeof studyCreated>
export type SiteEnrolled = z.infer<typeof siteEnrolled>
