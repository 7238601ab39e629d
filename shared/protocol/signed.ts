/** @file Payloads of the signed parts. Each is a compact JWS (EdDSA) whose header `typ` is the payload's key in {@link signedPayloads}. */
import { z } from 'zod'
import { encoding } from './aggregation.ts'
import { judgedCounts, judgedPart, withholding } from './judging.ts'
import {
  MAX_MODEL_BYTES,
  MAX_SAMPLES,
  MAX_SITES,
  MAX_STALENESS,
  MAX_STUDIES,
  MAX_TOKEN_CHARACTERS,
} from './limits.ts'
import { name, sha256 } from './names.ts'
import { study } from './study.ts'

const round = z.int().positive()
const attempt = z.int().positive()
const timeMs = z.int().positive()
const nonce = z.string().min(16).max(64)
/** Ed25519 public key, base64url of 32 bytes. */
const publicKey = z.string().regex(/^[A-Za-z0-9_-]{43}$/)
const protocol = z.int()

/** Site → coordinator, once. `proof`: base64url HMAC-SHA-256 under the kit's secret of `kit`, `site` and `publicKey`, so the secret never crosses the wire. */
export const enrolRequest = z.strictObject({
  protocol,
  kit: nonce,
  site: name,
  publicKey,
  proof: z.string().max(64),
  issuedAtMs: timeMs,
})
/** Coordinator → site. */
export const enrolConfirmation = z.strictObject({
  protocol,
  kit: nonce,
  site: name,
  publicKey,
  issuedAtMs: timeMs,
})
/**
 * Coordinator → all: its key is another from now on. Signed with `from`, so that whoever pinned that key can follow, and with `to`, so that whoever
 * pinned that one knows what came before. `previous`: SHA-256 of
 * the change before, `''` for the first. `heads`: each study, its plan,
 * and its last round that the old key has published; another plan or a later round that it signs is forged.
 */
export const keyChange = z.strictObject({
  from: publicKey,
  to: publicKey,
  number: z.int().positive(),
  previous: sha256.or(z.literal('')),
  heads: z.array(z.strictObject({ study: name, plan: sha256, round: z.int().min(0) })).max(MAX_STUDIES),
  issuedAtMs: timeMs,
})
/**
 * Site → coordinator: its key is another from now on. Sent twice in one message, signed with `from` and signed with `to`: the first proves that
 * the site wants it, the second that it holds the new key.
 */
export const siteKeyChange = z.strictObject({
  protocol,
  site: name,
  from: publicKey,
  to: publicKey,
  coordinator: publicKey,
  issuedAtMs: timeMs,
})
/** Coordinator → site: `publicKey` is the site's key from now on. */
export const siteKeyConfirmation = z.strictObject({
  protocol,
  site: name,
  publicKey,
  issuedAtMs: timeMs,
})
/** Coordinator → all, once a study: all that its rounds hang on. Whatever differs from it later is another study. `student`: the initial one. */
export const plan = z.strictObject({
  protocol,
  study,
  layoutHash: sha256,
  student: sha256,
  createdAtMs: timeMs,
})
/** Where a site is with a round that it was offered: at work, done and not sent, or sending. */
export const siteWork = z.strictObject({ round, attempt, state: z.enum(['training', 'held', 'uploading']) })
export type SiteWork = z.infer<typeof siteWork>
/**
 * Site → coordinator. `nonce` is the challenge of this connection; `coordinator` the pinned key, so that a token is of no use elsewhere.
 * `engine`: what it computes with, for the operator. `instance`: text that the running agent has made up for itself. `ledger`: the latest record that the site has, by its SHA-256.
 */
export const joinToken = z.strictObject({
  protocol,
  site: name,
  study: name,
  nonce,
  coordinator: publicKey,
  agentVersion: z.string().max(32),
  engine: z.string().max(32).optional(),
  instance: nonce,
  ledger: z.strictObject({ round, record: sha256 }).nullable(),
  work: siteWork.nullable(),
  issuedAtMs: timeMs,
})
/**
 * `waiting`: for sites; `collecting`: a round is open; `closed`: it has ended and its student is being made; `stopped`: a round had every
 * attempt without a quorum. Final: `finished`, `cancelled` by the operator, and `halted`, when the coordinator lacks a round that a site has seen.
 */
export const studyPhase = z.enum([
  'waiting',
  'collecting',
  'closed',
  'finished',
  'stopped',
  'cancelled',
  'halted',
])
/**
 * Coordinator → site: where the study stands. `plan`: SHA-256 of the text of its plan, which comes with it. `round` and
 * `record`, the latest that is published, the open round, this site's own offer in it and what is there of its update. `prove`: the site
 * says that it has a record which the coordinator does not know; it has to show it.
 */
export const welcome = z.strictObject({
  protocol,
  site: name,
  nonce,
  plan: sha256,
  round: z.int().min(0),
  student: sha256,
  record: sha256.or(z.literal('')),
  phase: studyPhase,
  paused: z.boolean(),
  open: z.strictObject({ round, attempt, deadlineMs: timeMs }).nullable(),
  offer: z.string().min(1).max(MAX_TOKEN_CHARACTERS).nullable(),
  update: z
    .strictObject({ round, attempt, bytes: z.int().min(0).max(MAX_MODEL_BYTES), accepted: z.boolean() })
    .nullable(),
  prove: z.boolean(),
  /** Lets a site compare its clock. */
  issuedAtMs: timeMs,
})
/** Coordinator → site: train round `round` from student `base`. */
export const offer = z.strictObject({
  study: name,
  site: name,
  round,
  attempt,
  base: sha256,
  baseBytes: z.int().positive().max(MAX_MODEL_BYTES),
  layoutHash: sha256,
  plan: sha256,
  nonce,
  issuedAtMs: timeMs,
  /** Its latest end; a site that shows no progress is given up sooner. */
  deadlineMs: timeMs,
})
/** Means over the round's tiles, and a count: nothing of a single tile. Null: the method has no such part, or the site's policy withholds it. */
export const siteMetrics = z.strictObject({
  /** Mean of what was minimised, terms of the strategy (FedProx, MOON) not in it. */
  loss: z.number().nullable(),
  /** Mean cross-entropy. */
  ce: z.number().nullable(),
  /** Mean Kullback-Leibler divergence from the teacher, times T². */
  kl: z.number().nullable(),
  /** Mean of the method's own term: MoMA's contrast, or that of features or maps. */
  nce: z.number().nullable(),
  /** Tiles whose class the student called while it trained. */
  correct: z.int().min(0).nullable(),
  /** Tiles that were trained on, once for each pass. */
  seen: z.int().min(0),
  /** Tiles that could not be read. */
  skippedTiles: z.int().min(0),
  /** How long training took. */
  seconds: z.number().min(0),
})
export type SiteMetrics = z.infer<typeof siteMetrics>
/** Site → coordinator: what the uploaded bytes are. `payload`: SHA-256 of the list of their chunks. `nonce` is the offer's. */
export const manifest = z.strictObject({
  study: name,
  site: name,
  round,
  attempt,
  base: sha256,
  layoutHash: sha256,
  encoding,
  bytes: z.int().positive().max(MAX_MODEL_BYTES),
  payload: sha256,
  /** Tiles trained on: the weight of the average. */
  samples: z.int().positive().max(MAX_SAMPLES),
  /** Means of the losses over all tiles, and counts; what the site's policy withholds is null. */
  metrics: siteMetrics,
  /** SHA-256 of the policy.yaml that the site's gate enforced. */
  policyHash: sha256,
  nonce,
  issuedAtMs: timeMs,
})
/** A site's own mark under its policy: it stays in the site's folder. `policy`: SHA-256 of policy.yaml. */
export const sitePolicy = z.strictObject({ site: name, policy: sha256, issuedAtMs: timeMs })
/**
 * Coordinator → site: this update is stored and will count. `manifest`: SHA-256 of the manifest's JWS text. `countsIn`: the round in which it
 * counts, when it came too late for its own.
 */
export const receipt = z.strictObject({
  study: name,
  site: name,
  round,
  attempt,
  payload: sha256,
  manifest: sha256,
  receivedAtMs: timeMs,
  countsIn: round.optional(),
})
/**
 * Site → coordinator: how the student that `round` published does on the site's own tiles of a part that it does not train on. Counts,
 * nothing of a single tile; either `counts` or `withheld` is null.
 */
export const judgement = z.strictObject({
  study: name,
  site: name,
  round,
  student: sha256,
  part: judgedPart,
  /** Rows true classes, columns called ones; null a row that the policy withholds. */
  counts: judgedCounts.nullable(),
  /** Why no counts are told. */
  withheld: withholding.nullable(),
  /** SHA-256 of the policy.yaml that the site's gate enforced. */
  policyHash: sha256,
  issuedAtMs: timeMs,
})
/**
 * Coordinator → all: what the round's student is made of. `previous`: SHA-256 of the record's text of the round before, `''` for round 1.
 * `staleness`: rounds between the one that an update was trained for and this one.
 * `offered`: the sites that were asked in the attempt that ended it.
 */
export const published = z.strictObject({
  study: name,
  plan: sha256,
  round,
  attempt,
  base: sha256,
  student: sha256,
  /** Name and settings. */
  strategy: z.string().max(256),
  /** Files of the strategy's state after this round. */
  serverState: z.array(sha256).max(2),
  encoding,
  previous: sha256.or(z.literal('')),
  contributors: z
    .array(
      z.strictObject({
        site: name,
        samples: z.int().positive(),
        /** It weighs the samples over √(1 + staleness). */
        staleness: z.int().min(0).max(MAX_STALENESS),
        payload: sha256,
        manifest: sha256,
        /** L2 norm of the delta as it was sent. */
        norm: z.number().min(0),
        /** Factor by which the guard has scaled it (docs/aggregation.md). */
        scale: z.number().gt(0).max(1),
      }),
    )
    .max(MAX_SITES),
  offered: z.array(name).max(MAX_SITES),
  absent: z.array(z.strictObject({ site: name, code: z.string().max(64) })).max(MAX_SITES),
  /** What sites have said of the student before, when that was judged, by the SHA-256 of their judgements' text. */
  judged: z
    .strictObject({
      round,
      judgements: z.array(z.strictObject({ site: name, judgement: sha256 })).max(MAX_SITES),
    })
    .optional(),
  final: z.boolean(),
  closedAtMs: timeMs,
})

/**
 * Coordinator → whoever verifies: the deltas of rounds 1 to `through` were removed on purpose. `keepRounds`: by the coordinator's setting, which
 * keeps those of so many rounds; absent, by a command of its operator.
 */
export const pruned = z.strictObject({
  study: name,
  through: round,
  keepRounds: z.int().positive().optional(),
  atMs: timeMs,
})

export const signedPayloads = {
  enrolRequest,
  enrolConfirmation,
  keyChange,
  siteKeyChange,
  siteKeyConfirmation,
  plan,
  joinToken,
  welcome,
  offer,
  manifest,
  receipt,
  judgement,
  published,
  sitePolicy,
  pruned,
} as const
export type SignedKind = keyof typeof signedPayloads
export type Signed<K extends SignedKind> = z.infer<(typeof signedPayloads)[K]>
export type Plan = Signed<'plan'>
export type KeyChange = Signed<'keyChange'>
export type Offer = Signed<'offer'>
export type Manifest = Signed<'manifest'>
export type Receipt = Signed<'receipt'>
export type Judgement = Signed<'judgement'>
export type Published = Signed<'published'>
export type Welcome = Signed<'welcome'>
