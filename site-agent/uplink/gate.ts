/**
 * @file The one door out of a site. Every packet that Socket.IO sends is given to {@link Gate.pass}, because the gate is the connection's
 * encoder: there is no frame without it.
 *
 * What may pass: the declared messages with exactly their fields; signed parts whose header and payload are exactly the declared ones;
 * answers that say yes or name an error code; and bytes only as slices of a delta that {@link Gate.admitDelta} has encoded itself, after
 * checking its tensors against the study's layout. Everything else is refused. What is of the right form then meets the site's policy
 * (policy/guard.ts), and nothing is sent before its audit line is on the disk: {@link Gate.recorded}, which uplink/socket.ts waits for.
 */

import { deltaBytes, encodeDelta } from '@tessera/shared/delta'
import { TesseraError } from '@tessera/shared/errors'
import { type Layout, layoutHash, type Weights } from '@tessera/shared/model'
import {
  CHUNK_BYTES,
  createParser,
  type Encoding,
  encodeFrame,
  MAX_MODEL_BYTES,
  MAX_TOKEN_CHARACTERS,
  type Manifest,
  type SiteMessage,
  type SiteMetrics,
  siteMessages,
} from '@tessera/shared/protocol'
import type { Random } from '@tessera/shared/random'
import { fingerprint, readUnverified, sha256Hex } from '@tessera/shared/security'
import { chunkCount, chunkOf, listChunks } from '@tessera/shared/transfer'
import type { z } from 'zod'
import type { Guard, RoundStep } from '../policy/index.ts'
import type { AuditLog } from './audit.ts'
import { assertClipped, assertTensors, judgeAnswer, refused, withheld } from './gate-form.ts'
import type { UplinkParser } from './socket.ts'

/** Largest frame without a chunk: the largest, an announced delta, is about 2 KB. Leaves no room for an image. */
const MAX_CONTROL_BYTES = 16 * 1024
/** Envelope of a chunk: names, index, upload id; about 150 bytes. */
const MAX_ENVELOPE_BYTES = 512
/** Of a chunk's SHA-256 in the list of chunks. */
const DIGEST_BYTES = 32

/** What Socket.IO hands to an encoder. */
type OutgoingPacket = Parameters<typeof encodeFrame>[0]

/** Socket.IO's packet types (socket.io-protocol, revision 5). */
const [CONNECT, DISCONNECT, EVENT, ANSWER] = [0, 1, 2, 3]

/** What may leave for one study. */
export interface GateStudy {
  readonly site: string
  readonly study: string
  readonly layout: Layout
  /** What its deltas are written in. Default: f32. */
  readonly encoding?: Encoding
  /** Public key of its coordinator. */
  readonly coordinatorKey: string
  /** SHA-256 of its teacher; null: it has none. */
  readonly teacher: string | null
  /** Tiles of a step, whose mean loss is told as progress. */
  readonly batchSize: number
}

/** A delta as it may leave. */
export interface EncodedDelta {
  readonly bytes: Uint8Array
  /** Their SHA-256. */
  readonly payload: string
  /** SHA-256 of each of their chunks, one after the other. */
  readonly chunks: Uint8Array
}

export interface Gate {
  /** SHA-256 of the policy that it enforces, for the manifest. */
  readonly policyHash: string
  /** Norm that a delta must be clipped to; null: none. */
  readonly normClip: number | null
  /** Opens the gate for a study's messages. @throws {TesseraError} ERR_POLICY_STUDY; ERR_POLICY_UNSIGNED if the gate has no policy. */
  admitStudy(study: GateStudy): void
  /** Learns how many tiles of each class there are. @throws {TesseraError} ERR_POLICY_SAMPLES if they are too few to take part. */
  admitTiles(classCounts: readonly number[]): void
  /**
   * Asks before a round's training, or its upload, what the policy would say to its frames.
   * @throws {TesseraError} ERR_POLICY_PAUSED, ERR_POLICY_HOURS, ERR_POLICY_APPROVAL, ERR_POLICY_LIMIT
   */
  assertRound(step: RoundStep, round: number): void
  /**
   * Encodes a delta; from now on its bytes, and no others, may be uploaded.
   * @param random Of this site's delta of this round, for an encoding that rounds by chance.
   * @throws {TesseraError} ERR_GATE_TENSOR if its tensors are not the layout's, or its norm is above the policy's; ERR_GATE_SIZE.
   */
  admitDelta(delta: Weights, random?: Random): EncodedDelta
  /** The metrics as a manifest may hold them. @throws {TesseraError} ERR_POLICY_SAMPLES */
  admitMetrics(samples: number, metrics: SiteMetrics): SiteMetrics
  /** True when the loss of a step may be told as progress. */
  mayTellLoss(): boolean
  /**
   * Gives the frame of a packet, which may be sent once its audit line is {@link Gate.recorded}.
   * @throws {TesseraError} ERR_GATE_MESSAGE, ERR_GATE_TENSOR, ERR_GATE_SIZE or ERR_POLICY_…: the packet is not sent.
   */
  pass(packet: OutgoingPacket): Uint8Array
  /** Fulfilled when the audit lines of all frames that it has given are on the disk; no frame may leave before. @throws {TesseraError} ERR_STORE_WRITE */
  recorded(): Promise<void>
}

type Body<E extends SiteMessage> = z.infer<(typeof siteMessages)[E]['request']>

/** What the gate says of a packet that has the right form. */
interface Verdict {
  readonly kind: string
  readonly why: string
  /** For the audit's sums and the policy's limits. */
  readonly study?: string
  readonly round?: number
  readonly announces?: Manifest
}

/**
 * Builds a gate that writes to this audit log. Until a study is admitted only enrolment and joining pass.
 * @param guard The site's signed policy; null: there is none yet, and no study is ever admitted.
 */
export function createGate(audit: AuditLog, guard: Guard | null): Gate {
  let admitted: GateStudy | null = null
  let classCounts: readonly number[] | null = null
  let delta: EncodedDelta | null = null
  /** The announced delta: chunks belong to it. */
  let announced: Manifest | null = null

  const inStudy = (kind: SiteMessage | 'round', study?: string): GateStudy => {
    if (admitted === null || (study !== undefined && study !== admitted.study)) {
      throw refused(`${kind} must belong to the joined study`, 'another study')
    }
    return admitted
  }

  const rules = (): Guard => {
    if (guard !== null) return guard
    throw new TesseraError(
      'ERR_POLICY_UNSIGNED',
      'study must wait for a signed policy (tessera site policy sign), got none',
    )
  }
  const mayTellLoss = (): boolean => rules().mayTellMeans(inStudy('round:progress').batchSize, classCounts)

  /** One entry a message: refuses it, or says why it may leave. The type makes a missing entry an error. */
  const reasons: { [E in SiteMessage]: (body: Body<E>) => Omit<Verdict, 'kind'> } = {
    'site:enroll'({ request }) {
      const { site } = readUnverified('enrolRequest', request)
      return { why: `enrolment of ${site}: its new public key and the proof of its kit` }
    },
    'site:rotate'({ request }) {
      const { site, to } = readUnverified('siteKeyChange', request)
      return { why: `replaces the key of ${site}: its new public key ${fingerprint(to)}` }
    },
    'key:fetch': ({ number }) => ({ why: `asks for change ${number} of the coordinator's key` }),
    'session:join'({ token }) {
      const { study } = readUnverified('joinToken', token)
      return { why: `proves who this site is, for study ${study}`, study }
    },
    'ledger:show'({ record }) {
      const { study, round } = readUnverified('published', record)
      inStudy('ledger:show', study)
      const why = `shows the coordinator its own record of round ${round}, which it does not know`
      return { why, study, round }
    },
    'model:open'({ sha256 }) {
      const { study } = inStudy('model:open')
      return { why: `asks what model ${sha256.slice(0, 12)} is made of`, study }
    },
    'model:chunk'({ sha256, index }) {
      const { study } = inStudy('model:chunk')
      return { why: `asks for chunk ${index} of model ${sha256.slice(0, 12)}`, study }
    },
    'ledger:fetch'({ study, round }) {
      inStudy('ledger:fetch', study)
      return { why: `asks for the record of round ${round}`, study, round }
    },
    'round:progress'({ study, round, step, steps, loss }) {
      inStudy('round:progress', study)
      if (loss !== null && !mayTellLoss()) throw withheld('round:progress')
      const mean = loss === null ? '' : ' and its mean loss'
      return { why: `progress of round ${round}: step ${step} of ${steps}${mean}`, study, round }
    },
    'round:decline'({ study, round, code }) {
      inStudy('round:decline', study)
      return { why: `declines round ${round} with ${code}`, study, round }
    },
    'upload:open'({ manifest, chunks }) {
      const claim = readUnverified('manifest', manifest)
      const { study, round, bytes, samples, metrics } = claim
      assertAnnounces(claim, chunks, inStudy('upload:open', study), delta)
      assertTold(claim)
      const means = metrics.loss === null ? 'no losses' : 'means of the losses'
      const why = `announces the delta of round ${round}: ${bytes} bytes, the hashes of its ${chunkCount(bytes)} chunks, ${samples} samples, ${means}`
      return { why, study, round, announces: claim }
    },
    'upload:chunk'({ index, chunk }) {
      inStudy('upload:chunk')
      if (announced === null || delta === null) throw refused('upload:chunk must follow upload:open', 'none')
      const { bytes } = delta
      const start = index * CHUNK_BYTES
      const want = chunkOf(bytes, index)
      if (want.byteLength === 0 || chunk.byteLength > want.byteLength) {
        const got = `bytes ${start} to ${start + chunk.byteLength}`
        throw new TesseraError('ERR_GATE_SIZE', `chunk must end at byte ${bytes.byteLength}, got ${got}`)
      }
      if (Buffer.compare(want, chunk) !== 0) {
        throw new TesseraError('ERR_GATE_TENSOR', 'chunk must be one of the announced delta, got other bytes')
      }
      const { study, round } = announced
      return {
        why: `bytes ${start} to ${start + chunk.byteLength} of the delta of round ${round}`,
        study,
        round,
      }
    },
    'upload:commit'() {
      inStudy('upload:commit')
      if (announced === null) throw refused('upload:commit must follow upload:open', 'none')
      const { study, round } = announced
      return { why: `all of the delta of round ${round} is sent`, study, round }
    },
  }

  /** The manifest tells what the policy lets it tell, under the policy's own hash. */
  const assertTold = ({ samples, metrics, policyHash }: Manifest): void => {
    if (policyHash !== rules().hash)
      throw refused('manifest must name the policy that is enforced', 'another')
    rules().assertSamples(samples)
    const allowed = rules().reportable(samples, metrics, classCounts)
    for (const [name, value] of Object.entries(allowed)) {
      if (metrics[name as keyof SiteMetrics] !== value) throw withheld(`manifest's ${name}`)
    }
  }

  const judge = ({ type, nsp, data }: OutgoingPacket): Verdict => {
    if (nsp !== '/') throw refused('packet must be for namespace /', 'another')
    if (type === CONNECT && isEmpty(data)) return { kind: 'connect', why: 'opens the connection' }
    if (type === DISCONNECT && isEmpty(data)) return { kind: 'disconnect', why: 'ends the connection' }
    if (type === ANSWER) return { kind: 'answer', why: judgeAnswer(data) }
    const [kind, body, ...rest] = type === EVENT && Array.isArray(data) ? (data as unknown[]) : []
    if (!isSiteMessage(kind) || rest.length > 0) {
      throw refused('packet must be a declared message', 'another packet')
    }
    const result = siteMessages[kind].request.safeParse(body)
    if (!result.success) throw refused(`${kind} must have its declared fields`, 'others')
    // The entry and the schema are both picked by `kind`; the compiler cannot follow that.
    return { kind, ...(reasons[kind] as (body: unknown) => Omit<Verdict, 'kind'>)(result.data) }
  }

  return {
    get policyHash() {
      return rules().hash
    },
    get normClip() {
      return rules().normClip
    },
    admitStudy(study) {
      rules().assertStudy(study)
      admitted = study
    },
    admitTiles(counts) {
      rules().assertSamples(counts.reduce((sum, count) => sum + count, 0))
      classCounts = counts
    },
    assertRound(step, round) {
      const { study, layout, encoding } = inStudy('round')
      const bytes = deltaBytes(layout, encoding)
      // An upper bound of what the frames of one whole upload take.
      const frames = chunkCount(bytes) * (MAX_ENVELOPE_BYTES + DIGEST_BYTES) + 2 * MAX_CONTROL_BYTES
      rules().assertRound(step, study, round, bytes + frames)
    },
    admitDelta(values, random) {
      const { layout, encoding = 'f32' } = inStudy('upload:open')
      assertTensors(layout, values)
      const bytes = encodeDelta(layout, values, { encoding, random })
      if (bytes.byteLength > MAX_MODEL_BYTES) {
        throw new TesseraError(
          'ERR_GATE_SIZE',
          `delta must have at most ${MAX_MODEL_BYTES} bytes, got ${bytes.byteLength}`,
        )
      }
      assertClipped(layout, values, rules().normClip)
      delta = { bytes, payload: sha256Hex(bytes), chunks: listChunks(bytes).digests }
      announced = null
      return delta
    },
    admitMetrics(samples, metrics) {
      rules().assertSamples(samples)
      return rules().reportable(samples, metrics, classCounts)
    },
    mayTellLoss,
    pass(packet) {
      const { kind, why, study, round, announces } = judge(packet)
      const frame = encodeFrame(packet)
      const limit = frameLimit(kind, packet)
      const bytes = frame.byteLength
      if (bytes > limit) {
        throw new TesseraError('ERR_GATE_SIZE', `${kind} must have at most ${limit} bytes, got ${bytes}`)
      }
      guard?.assertFrame({ kind, bytes, study, round })
      audit.append({
        kind,
        why,
        bytes,
        sha256: sha256Hex(frame),
        ...(study === undefined ? {} : { study }),
        ...(round === undefined ? {} : { round }),
      })
      if (announces !== undefined) announced = announces
      return frame
    },
    recorded: () => audit.recorded(),
  }
}

/** Socket.IO's parser with the gate as its encoder. */
export function gatedParser(gate: Gate): UplinkParser {
  return {
    Encoder: class {
      encode(packet: OutgoingPacket): Uint8Array[] {
        return [gate.pass(packet)]
      }
    },
    Decoder: createParser().Decoder,
    recorded: () => gate.recorded(),
  }
}

function isSiteMessage(kind: unknown): kind is SiteMessage {
  return typeof kind === 'string' && Object.hasOwn(siteMessages, kind)
}

function isEmpty(data: unknown): boolean {
  return data === undefined || data === null || (typeof data === 'object' && Object.keys(data).length === 0)
}

/** Checks that a manifest and its list of chunks announce the admitted delta. */
function assertAnnounces(
  claim: Manifest,
  chunks: Uint8Array,
  { site, layout, encoding = 'f32' }: GateStudy,
  delta: EncodedDelta | null,
): void {
  const bytes = deltaBytes(layout, encoding)
  if (claim.bytes !== bytes || delta?.bytes.byteLength !== bytes) {
    throw new TesseraError('ERR_GATE_SIZE', `delta must have ${bytes} bytes, got ${claim.bytes} announced`)
  }
  if (claim.encoding !== encoding) {
    throw new TesseraError('ERR_GATE_TENSOR', `delta must be announced as ${encoding}, got ${claim.encoding}`)
  }
  if (claim.site !== site || claim.layoutHash !== layoutHash(layout) || claim.payload !== delta.payload) {
    throw new TesseraError(
      'ERR_GATE_TENSOR',
      "manifest must announce this site's delta of the study's layout, got another",
    )
  }
  if (Buffer.compare(chunks, delta.chunks) !== 0 || claim.chunks !== sha256Hex(delta.chunks)) {
    throw new TesseraError('ERR_GATE_TENSOR', "chunks must be the hashes of the delta's chunks, got others")
  }
}

/** What carries bytes may be larger by them: both were compared with the delta. */
function frameLimit(kind: string, { data }: OutgoingPacket): number {
  // Signed by the coordinator, with a line for each site that contributed.
  if (kind === 'ledger:show') return MAX_TOKEN_CHARACTERS + MAX_ENVELOPE_BYTES
  if (kind !== 'upload:chunk' && kind !== 'upload:open') return MAX_CONTROL_BYTES
  const [, body] = data as [string, Body<typeof kind>]
  if ('chunk' in body) return body.chunk.byteLength + MAX_ENVELOPE_BYTES
  return body.chunks.byteLength + MAX_CONTROL_BYTES
}
