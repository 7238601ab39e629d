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
import type { ConfusionMatrix } from '@tessera/shared/metrics'
import type { Weights } from '@tessera/shared/model'
import {
  createParser,
  encodeFrame,
  MAX_JUDGEMENT_CHARACTERS,
  MAX_MODEL_BYTES,
  MAX_TOKEN_CHARACTERS,
  type SiteMessage,
  type SiteMetrics,
  siteMessages,
} from '@tessera/shared/protocol'
import type { Random } from '@tessera/shared/random'
import { sha256Hex } from '@tessera/shared/security'
import { chunkCount, DIGEST_BYTES, listChunks, listHash } from '@tessera/shared/transfer'
import type { Guard, RoundStep, ToldCounts } from '../policy/index.ts'
import type { AuditLog } from './audit.ts'
import { assertClipped, assertTensors, judgeAnswer, refused } from './gate-form.ts'
import { type Body, createReasons, type Reason } from './gate-reasons.ts'
import { type EncodedDelta, type GateState, type GateStudy, inStudy, mayTellLoss } from './gate-state.ts'
import type { UplinkParser } from './socket.ts'

/** Largest frame without a chunk: the largest, an announced delta, is about 2 KB. Leaves no room for an image. */
const MAX_CONTROL_BYTES = 16 * 1024
/** Envelope of a chunk: names, index, upload id; about 150 bytes. */
const MAX_ENVELOPE_BYTES = 512

/** What Socket.IO hands to an encoder. */
type OutgoingPacket = Parameters<typeof encodeFrame>[0]

/** Socket.IO's packet types (socket.io-protocol, revision 5). */
const [CONNECT, DISCONNECT, EVENT, ANSWER] = [0, 1, 2, 3]

export interface Gate {
  /** SHA-256 of the policy that it enforces, for the manifest. */
  readonly policyHash: string
  /** Norm that a delta must be clipped to; null: none. */
  readonly normClip: number | null
  /** True when judgements may tell counts. */
  readonly tellsCounts: boolean
  /** Opens the gate for a study's messages. @throws {TesseraError} ERR_POLICY_STUDY; ERR_POLICY_UNSIGNED if the gate has no policy. */
  admitStudy(study: GateStudy): void
  /**
   * Asks anew what was asked of the study and the tiles, after the policy was changed.
   * @throws {TesseraError} ERR_POLICY_STUDY, ERR_POLICY_SAMPLES
   */
  assertStillAdmitted(): void
  /** Learns how many tiles of each class there are. @throws {TesseraError} ERR_POLICY_SAMPLES if they are too few to take part. */
  admitTiles(classCounts: readonly number[]): void
  /**
   * Asks before a round's training, or its upload, what the policy would say to its frames.
   * @throws {TesseraError} ERR_POLICY_PAUSED, ERR_POLICY_HOURS, ERR_POLICY_APPROVAL, ERR_POLICY_LIMIT
   */
  assertRound(step: RoundStep, round: number): void
  /**
   * Encodes a delta; from now on its bytes, and no others, may be uploaded. They are there until the next is admitted.
   * @param random Of this site's delta of this round, for an encoding that rounds by chance.
   * @throws {TesseraError} ERR_GATE_TENSOR if its tensors are not the layout's, or its norm is above the policy's; ERR_GATE_SIZE.
   */
  admitDelta(delta: Weights, random?: Random): EncodedDelta
  /** The metrics as a manifest may hold them. @throws {TesseraError} ERR_POLICY_SAMPLES */
  admitMetrics(samples: number, metrics: SiteMetrics): SiteMetrics
  /**
   * A student's counts as a judgement may tell them; from now on these, and no others, may be told.
   * @throws {TesseraError} ERR_GATE_MESSAGE if no study is joined.
   */
  admitJudgement(student: string, counts: ConfusionMatrix): ToldCounts
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

/** Why a packet may leave, and as what. */
interface Verdict extends Reason {
  readonly kind: string
}

/**
 * Builds a gate that writes to this audit log. Until a study is admitted only enrolment and joining pass.
 * @param guard Gives the site's signed policy; null: there is none yet, and no study is ever admitted.
 */
export function createGate(audit: AuditLog, guard: () => Guard | null): Gate {
  const rules = (): Guard => {
    const now = guard()
    if (now !== null) return now
    throw new TesseraError(
      'ERR_POLICY_UNSIGNED',
      'study must wait for a signed policy (tessera site policy sign), got none',
    )
  }
  const state: GateState = {
    admitted: null,
    classCounts: null,
    delta: null,
    announced: null,
    judgement: null,
    rules,
  }
  const reasons = createReasons(state)

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
    return { kind, ...(reasons[kind] as (body: unknown) => Reason)(result.data) }
  }

  return {
    get policyHash() {
      return rules().hash
    },
    get normClip() {
      return rules().normClip
    },
    get tellsCounts() {
      return rules().tellsCounts
    },
    admitStudy(study) {
      rules().assertStudy(study)
      state.admitted = study
    },
    assertStillAdmitted() {
      if (state.admitted !== null) rules().assertStudy(state.admitted)
      if (state.classCounts !== null) rules().assertSamples(sum(state.classCounts))
    },
    admitTiles(counts) {
      rules().assertSamples(sum(counts))
      state.classCounts = counts
    },
    assertRound(step, round) {
      const { study, layout, encoding } = inStudy(state, 'round')
      const bytes = deltaBytes(layout, encoding)
      // An upper bound of what the frames of one whole upload take.
      const frames = chunkCount(bytes) * (MAX_ENVELOPE_BYTES + DIGEST_BYTES) + 2 * MAX_CONTROL_BYTES
      rules().assertRound(step, study, round, bytes + frames)
    },
    admitDelta(values, random) {
      const { layout, encoding = 'f32' } = inStudy(state, 'upload:open')
      assertTensors(layout, values)
      // From here on nothing of the delta before may leave, so its memory is free.
      const free = state.delta?.bytes
      state.announced = null
      state.delta = null
      const bytes = encodeDelta(layout, values, { encoding, random }, free)
      if (bytes.byteLength > MAX_MODEL_BYTES) {
        throw new TesseraError(
          'ERR_GATE_SIZE',
          `delta must have at most ${MAX_MODEL_BYTES} bytes, got ${bytes.byteLength}`,
        )
      }
      assertClipped(layout, values, rules().normClip)
      const list = listChunks(bytes)
      const delta = { bytes, payload: listHash(list), chunks: list.digests }
      state.delta = delta
      return delta
    },
    admitMetrics(samples, metrics) {
      rules().assertSamples(samples)
      return rules().reportable(samples, metrics, state.classCounts)
    },
    admitJudgement(student, counts) {
      inStudy(state, 'round:judge')
      const told = rules().tellable(counts)
      state.judgement = { student, ...told }
      return told
    },
    mayTellLoss: () => mayTellLoss(state),
    pass(packet) {
      const { kind, why, study, round, announces, chunkHash } = judge(packet)
      const frame = encodeFrame(packet)
      const limit = frameLimit(kind, packet)
      const bytes = frame.byteLength
      if (bytes > limit) {
        throw new TesseraError('ERR_GATE_SIZE', `${kind} must have at most ${limit} bytes, got ${bytes}`)
      }
      guard()?.assertFrame({ kind, bytes, study, round })
      audit.append({
        kind,
        why,
        bytes,
        sha256: sha256Hex(chunkHash === undefined ? frame : encodeFrame(withHash(packet, chunkHash))),
        ...(study === undefined ? {} : { study }),
        ...(round === undefined ? {} : { round }),
      })
      if (announces !== undefined) state.announced = announces
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

/** The packet of a chunk with the chunk's hash in its place: the bytes were hashed when the delta was admitted, and compared with it since. */
function withHash({ data, ...packet }: OutgoingPacket, hash: Uint8Array): OutgoingPacket {
  const [kind, body] = data as [string, object]
  return { ...packet, data: [kind, { ...body, chunk: hash }] }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

function isSiteMessage(kind: unknown): kind is SiteMessage {
  return typeof kind === 'string' && Object.hasOwn(siteMessages, kind)
}

function isEmpty(data: unknown): boolean {
  return data === undefined || data === null || (typeof data === 'object' && Object.keys(data).length === 0)
}

/** What carries bytes may be larger by them: both were compared with the delta. */
function frameLimit(kind: string, { data }: OutgoingPacket): number {
  // Signed by the coordinator, with a line for each site that contributed.
  if (kind === 'ledger:show') return MAX_TOKEN_CHARACTERS + MAX_ENVELOPE_BYTES
  // Counted here, and compared with what was counted.
  if (kind === 'round:judge') return MAX_JUDGEMENT_CHARACTERS + MAX_ENVELOPE_BYTES
  if (kind !== 'upload:chunk' && kind !== 'upload:open') return MAX_CONTROL_BYTES
  const [, body] = data as [string, Body<typeof kind>]
  if ('chunk' in body) return body.chunk.byteLength + MAX_ENVELOPE_BYTES
  return body.chunks.byteLength + MAX_CONTROL_BYTES
}
