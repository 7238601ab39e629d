/** @file What can happen to a study's rounds, as it is written in the log. The log is the only source of truth: the state is what {@link import('./evolve.ts').evolve} makes of it. */
import {
  judgedCounts,
  MAX_MODEL_BYTES,
  MAX_SAMPLES,
  MAX_SITES,
  MAX_TOKEN_CHARACTERS,
  name,
  sha256,
  withholding,
} from '@tessera/shared/protocol'
import { z } from 'zod'

const round = z.int().positive()
const attempt = z.int().positive()
const timeMs = z.int().min(0)
const nonce = z.string().min(16).max(64)
const token = z.string().min(1).max(MAX_TOKEN_CHARACTERS)
const absence = z.strictObject({ site: name, code: z.string().max(64) })

/** `offers`: the sites it is offered to, each with the nonce its manifest must hold. `notDrawn`: those that were there too, in a study with cohorts. */
export const roundOpened = z.strictObject({
  type: z.literal('round.opened'),
  study: name,
  round,
  attempt,
  base: sha256,
  offers: z.array(z.strictObject({ site: name, nonce })).max(MAX_SITES),
  notDrawn: z.array(name).max(MAX_SITES).optional(),
  openedAtMs: timeMs,
  deadlineMs: timeMs,
})
/** Sites have shown progress: they are waited for until then. Written only when a round would else have ended, so at most twice in `deadlineMs`. */
export const deadlineMoved = z.strictObject({
  type: z.literal('deadline.moved'),
  study: name,
  round,
  attempt,
  deadlines: z.array(z.strictObject({ site: name, deadlineMs: timeMs })).max(MAX_SITES),
  atMs: timeMs,
})
/**
 * Written after the delta's file is on disk and before the receipt leaves. `round` and `attempt`: where it counts. `late`: the offer that it
 * answers, when that is of an earlier round. `manifest`: the site's JWS in full, so that the lineage can be proven later.
 */
export const updateAccepted = z.strictObject({
  type: z.literal('update.accepted'),
  study: name,
  round,
  attempt,
  site: name,
  late: z.strictObject({ round, attempt }).optional(),
  samples: z.int().positive().max(MAX_SAMPLES),
  /** Null: the site's policy withholds it. */
  loss: z.number().nullable(),
  payload: sha256,
  bytes: z.int().positive().max(MAX_MODEL_BYTES),
  norm: z.number().min(0),
  manifest: token,
  manifestSha256: sha256,
  receivedAtMs: timeMs,
})
/** A site has said how a published student does on its tiles. `judgement`: its JWS in full, so that it can be proven later. */
export const judgementAccepted = z.strictObject({
  type: z.literal('judgement.accepted'),
  study: name,
  round,
  site: name,
  student: sha256,
  counts: judgedCounts.nullable(),
  withheld: withholding.nullable(),
  judgement: token,
  judgementSha256: sha256,
  receivedAtMs: timeMs,
})
export const roundDeclined = z.strictObject({
  type: z.literal('round.declined'),
  study: name,
  round,
  attempt,
  site: name,
  code: z.string().max(64),
  atMs: timeMs,
})
/** The end of an attempt. `publish`: the contributors' updates become the next student; `retry`: too few, the round is opened again. */
export const roundClosed = z.strictObject({
  type: z.literal('round.closed'),
  study: name,
  round,
  attempt,
  outcome: z.enum(['publish', 'retry']),
  contributors: z.array(name).max(MAX_SITES),
  absent: z.array(absence).max(MAX_SITES),
  closedAtMs: timeMs,
})
/** Written after the student's file is on disk. `record`: JWS of `published`, next link of the chain. */
export const roundPublished = z.strictObject({
  type: z.literal('round.published'),
  study: name,
  round,
  attempt,
  student: sha256,
  record: token,
  recordSha256: sha256,
})
/** Every attempt of a round ended without a quorum. */
export const studyStopped = z.strictObject({
  type: z.literal('study.stopped'),
  study: name,
  round,
  atMs: timeMs,
})
/** The operator started the coordinator again after a stop, which is not a pause. */
export const studyResumed = z.strictObject({
  type: z.literal('study.resumed'),
  study: name,
  round,
  atMs: timeMs,
})
/** An operator's word on a study. It may come at any time, and again: what it changes nothing about, it passes over. */
const operatorWord = <T extends string>(type: T) =>
  z.strictObject({ type: z.literal(type), study: name, atMs: timeMs })
/** No round opens any more; the open one may end. */
export const studyPaused = operatorWord('study.paused')
/** Rounds open again, also after a stop. */
export const studyUnpaused = operatorWord('study.unpaused')
/** The study is over without its last round. */
export const studyCancelled = operatorWord('study.cancelled')
/** The operator waits no longer for who is missing in this attempt; one that has ended meanwhile it does not concern. */
export const roundCalled = z.strictObject({
  type: z.literal('round.called'),
  study: name,
  round,
  attempt,
  atMs: timeMs,
})
/** A site has proven that this coordinator once published what this log does not know: it was restored from an old backup. `record`: the round it has seen. */
export const studyHalted = z.strictObject({
  type: z.literal('study.halted'),
  study: name,
  site: name,
  record: round,
  atMs: timeMs,
})
/** The operator no longer trusts a site: its open answer does not count, whatever it was. Not of one study alone. */
export const siteRevoked = z.strictObject({ type: z.literal('site.revoked'), site: name, atMs: timeMs })

export const roundEvent = z.discriminatedUnion('type', [
  roundOpened,
  deadlineMoved,
  updateAccepted,
  judgementAccepted,
  roundDeclined,
  roundCalled,
  roundClosed,
  roundPublished,
  studyStopped,
  studyResumed,
  studyPaused,
  studyUnpaused,
  studyCancelled,
  studyHalted,
  siteRevoked,
])
export type RoundEvent = z.infer<typeof roundEvent>
export type RoundOpened = z.infer<typeof roundOpened>
export type DeadlineMoved = z.infer<typeof deadlineMoved>
export type UpdateAccepted = z.infer<typeof updateAccepted>
export type JudgementAccepted = z.infer<typeof judgementAccepted>
export type RoundCalled = z.infer<typeof roundCalled>
export type RoundClosed = z.infer<typeof roundClosed>
export type RoundPublished = z.infer<typeof roundPublished>
