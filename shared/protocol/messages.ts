/**
 * @file Every message of the wire, declared once: types, checks and docs/reference/messages.md follow from here.
 *
 * Each event carries one object and is answered by one object: `{ ok: true, … } | { ok: false, code, message }`. Signed parts are compact
 * JWS (EdDSA); their payloads are declared in signed.ts. No message has a field that could hold an image.
 */
import { z } from 'zod'
import { ERROR_CODES, type ErrorCode } from '../errors.ts'
import {
  CHUNK_BYTES,
  MAX_CHUNK_LIST_BYTES,
  MAX_CHUNKS,
  MAX_JUDGEMENT_CHARACTERS,
  MAX_KEY_CHANGES,
  MAX_MODEL_BYTES,
  MAX_TOKEN_CHARACTERS,
  WINDOW_CHUNKS,
} from './limits.ts'
import { name, sha256 } from './names.ts'

/** Of docs/protocol.md. */
export const PROTOCOL_VERSION = 1

const bytes = (max: number) =>
  z
    .custom<Uint8Array>((value) => value instanceof Uint8Array, 'must be bytes')
    .refine((b) => b.byteLength <= max, `must have at most ${max} bytes`)
const token = z.string().min(1).max(MAX_TOKEN_CHARACTERS)
const round = z.int().positive()
/** A token, or nothing. */
const noToken = z.string().max(MAX_TOKEN_CHARACTERS)
/** Of a chunk, from 0. */
const index = z
  .int()
  .min(0)
  .max(MAX_CHUNKS - 1)
/** SHA-256 of each chunk, in order, without a gap. */
const chunks = bytes(MAX_CHUNK_LIST_BYTES)
const upload = z.string().max(64)
const window = z.int().min(1).max(WINDOW_CHUNKS)
const errorCode = z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]])

/** What a site may say. Order of a session: (enroll) → join → model … → progress … → open → chunk … → commit; judge, when the study has it. */
export const siteMessages = {
  /** Uses up an enrolment kit. `request`: JWS of {@link import('./signed.ts').enrolRequest} under the site's new key. */
  'site:enroll': {
    request: z.strictObject({ request: token }),
    reply: z.strictObject({ confirmation: token }),
  },
  /** Replaces the site's key. `request` and `proof`: JWS of {@link import('./signed.ts').siteKeyChange}, under the old key and under the new one. */
  'site:rotate': {
    request: z.strictObject({ request: token, proof: token }),
    reply: z.strictObject({ confirmation: token }),
  },
  /**
   * A change of the coordinator's key by its number, and how many there are. `change` and `acceptance`: JWS of {@link import('./signed.ts').keyChange},
   * under the old key and under the new one; `''` when there is none of that number.
   */
  'key:fetch': {
    request: z.strictObject({
      number: z
        .int()
        .positive()
        .max(MAX_KEY_CHANGES + 1),
    }),
    reply: z.strictObject({
      count: z.int().min(0).max(MAX_KEY_CHANGES),
      change: noToken,
      acceptance: noToken,
    }),
  },
  /** First message of a session. `token`: JWS of `joinToken` over the challenge the coordinator sent. `plan`: JWS of `plan`. */
  'session:join': {
    request: z.strictObject({ token }),
    reply: z.strictObject({ welcome: token, plan: token }),
  },
  /** The published record of a round that this site has missed. */
  'ledger:fetch': {
    request: z.strictObject({ study: name, round }),
    reply: z.strictObject({ record: token }),
  },
  /** A record that the site has and the coordinator seems not to know; asked for by the welcome. Always refused: with ERR_LEDGER_BEHIND if it is one. */
  'ledger:show': { request: z.strictObject({ record: token }), reply: z.strictObject({}) },
  /** What a model is made of. The list is not signed: the whole has to have the hash that was asked for. */
  'model:open': {
    request: z.strictObject({ sha256 }),
    reply: z.strictObject({ totalBytes: z.int().positive().max(MAX_MODEL_BYTES), chunks }),
  },
  /** One chunk of a model. At most {@link WINDOW_CHUNKS} of a connection may be unanswered. */
  'model:chunk': {
    request: z.strictObject({ sha256, index }),
    reply: z.strictObject({ chunk: bytes(CHUNK_BYTES) }),
  },
  /** How far local training is: for people, and a sign that the site is worth waiting for. Never for aggregation. */
  'round:progress': {
    request: z.strictObject({
      study: name,
      round,
      step: z.int().min(0),
      steps: z.int().positive(),
      loss: z.number().nullable(),
      secondsLeft: z.number().min(0).nullable(),
    }),
    reply: z.strictObject({}),
  },
  /** The site cannot do this round. The round goes on without it. */
  'round:decline': {
    request: z.strictObject({ study: name, round, code: errorCode }),
    reply: z.strictObject({}),
  },
  /**
   * Announces a delta, or one that a cut ended. `manifest`: JWS of `manifest`, which pins `chunks`. `missing`: a bit a chunk that is not there.
   * `window`: chunks that may be unanswered.
   */
  'upload:open': {
    request: z.strictObject({ manifest: token, chunks }),
    reply: z.strictObject({
      upload,
      missing: bytes(MAX_CHUNKS / 8),
      window,
    }),
  },
  /** One chunk of the announced delta, in any order. Answered when it is on the coordinator's disk. */
  'upload:chunk': {
    request: z.strictObject({ upload, index, chunk: bytes(CHUNK_BYTES) }),
    reply: z.strictObject({ window }),
  },
  /** All bytes are there. The reply is the receipt: from here on the update is not lost. */
  'upload:commit': {
    request: z.strictObject({ upload }),
    reply: z.strictObject({ receipt: token }),
  },
  /** How a student does on tiles of the site. `judgement`: JWS of `judgement`. Answered when it is in the coordinator's log; said again, it is answered again. */
  'round:judge': {
    request: z.strictObject({ judgement: z.string().min(1).max(MAX_JUDGEMENT_CHARACTERS) }),
    reply: z.strictObject({}),
  },
} as const

/** What the coordinator may say. */
export const coordinatorMessages = {
  /** First message of a connection: a fresh nonce that the join token must hold. */
  'session:challenge': {
    request: z.strictObject({ protocol: z.int(), nonce: z.string().max(64) }),
    reply: z.strictObject({}),
  },
  /** The connection is about to be closed, and why. */
  'session:refused': {
    request: z.strictObject({ code: errorCode, message: z.string().max(1000) }),
    reply: z.strictObject({}),
  },
  /** The operator has paused, resumed or cancelled the study. `welcome`: a new one, for the same join. */
  'session:snapshot': { request: z.strictObject({ welcome: token }), reply: z.strictObject({}) },
  /** Asks a site to train. `offer`: JWS of `offer`. */
  'round:offer': { request: z.strictObject({ offer: token }), reply: z.strictObject({}) },
  /** A round has ended and its student is published. `record`: JWS of `published`. */
  'round:published': { request: z.strictObject({ record: token }), reply: z.strictObject({}) },
} as const

export type MessageSchema = { readonly request: z.ZodType; readonly reply: z.ZodType }
export type Catalogue = Readonly<Record<string, MessageSchema>>
export type Request<C extends Catalogue, E extends keyof C> = z.infer<C[E]['request']>
export type ReplyBody<C extends Catalogue, E extends keyof C> = z.infer<C[E]['reply']>
export type Refusal = { ok: false; code: ErrorCode; message: string }
export type Reply<C extends Catalogue, E extends keyof C> = ({ ok: true } & ReplyBody<C, E>) | Refusal

/** Socket.IO event map of a catalogue: what arrives is unknown until its schema says otherwise. */
export type WireEvents<C extends Catalogue> = {
  [E in keyof C]: (request: unknown, acknowledge: (reply: unknown) => void) => void
}
export type SiteMessage = keyof typeof siteMessages
export type CoordinatorMessage = keyof typeof coordinatorMessages
