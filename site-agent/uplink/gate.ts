/**
 * @file The one door out of a site. Every packet that Socket.IO sends is given to {@link Gate.pass}, because the gate is the connection's
 * encoder: there is no frame without it.
 *
 * What may pass: the declared messages with exactly their fields; signed parts whose header and payload are exactly the declared ones;
 * answers that say yes or name an error code; and bytes only as slices of a delta that {@link Gate.admitDelta} has encoded itself, after
 * checking its tensors against the study's layout. Everything else is refused, and nothing is sent before its audit line is on the disk.
 */

import { deltaBytes, encodeDelta } from '@tessera/shared/delta'
import { isErrorCode, TesseraError } from '@tessera/shared/errors'
import { federatedLayout, type Layout, layoutHash, type Weights } from '@tessera/shared/model'
import {
  CHUNK_BYTES,
  createParser,
  encodeFrame,
  MAX_MODEL_BYTES,
  type Manifest,
  type SiteMessage,
  type SocketParser,
  siteMessages,
} from '@tessera/shared/protocol'
import { fingerprint, readUnverified, sha256Hex } from '@tessera/shared/security'
import { chunkCount, chunkOf, listChunks } from '@tessera/shared/transfer'
import { z } from 'zod'
import type { AuditLog } from './audit.ts'

/** Largest frame without a chunk: the largest, an announced delta, is about 2 KB. Leaves no room for an image. */
const MAX_CONTROL_BYTES = 16 * 1024
/** Envelope of a chunk: names, index, upload id; about 150 bytes. */
const MAX_ENVELOPE_BYTES = 512

/** What Socket.IO hands to an encoder. */
type OutgoingPacket = Parameters<typeof encodeFrame>[0]

/** The only answers of a site: every message of the coordinator is answered without fields. */
const answer = z.tuple([z.strictObject({ ok: z.literal(true) })]).or(
  z.tuple([
    z.strictObject({
      ok: z.literal(false),
      code: z.string().refine(isErrorCode),
      message: z.string().max(1000),
    }),
  ]),
)

/** Socket.IO's packet types (socket.io-protocol, revision 5). */
const [CONNECT, DISCONNECT, EVENT, ANSWER] = [0, 1, 2, 3]

/** What may leave for one study. */
export interface GateStudy {
  readonly site: string
  readonly study: string
  readonly layout: Layout
  /** Whether batch-norm running statistics may leave; they are means over the site's tiles. */
  readonly allowStatistics: boolean
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
  /** Opens the gate for a study's messages. @throws {TesseraError} ERR_GATE_TENSOR if the study wants statistics and they may not leave. */
  admitStudy(study: GateStudy): void
  /**
   * Encodes a delta; from now on its bytes, and no others, may be uploaded.
   * @throws {TesseraError} ERR_GATE_TENSOR if its tensors are not the layout's; ERR_GATE_SIZE.
   */
  admitDelta(delta: Weights): EncodedDelta
  /**
   * Gives the frame of a packet, after writing its audit line.
   * @throws {TesseraError} ERR_GATE_MESSAGE, ERR_GATE_TENSOR or ERR_GATE_SIZE: the packet is not sent.
   */
  pass(packet: OutgoingPacket): Uint8Array
}

type Body<E extends SiteMessage> = z.infer<(typeof siteMessages)[E]['request']>

/** Builds a gate that writes to this audit log. Until a study is admitted only enrolment and joining pass. */
export function createGate(audit: AuditLog): Gate {
  let admitted: GateStudy | null = null
  let delta: EncodedDelta | null = null
  /** The announced delta: chunks belong to it. */
  let announced: Manifest | null = null

  const inStudy = (kind: SiteMessage, study?: string): GateStudy => {
    if (admitted === null || (study !== undefined && study !== admitted.study)) {
      throw refused(`${kind} must belong to the joined study`, 'another study')
    }
    return admitted
  }

  /** One entry a message: refuses it, or says why it may leave. The type makes a missing entry an error. */
  const reasons: { [E in SiteMessage]: (body: Body<E>) => string } = {
    'site:enroll'({ request }) {
      const { site } = readUnverified('enrolRequest', request)
      return `enrolment of ${site}: its new public key and the proof of its kit`
    },
    'site:rotate'({ request }) {
      const { site, to } = readUnverified('siteKeyChange', request)
      return `replaces the key of ${site}: its new public key ${fingerprint(to)}`
    },
    'key:fetch': ({ number }) => `asks for change ${number} of the coordinator's key`,
    'session:join'({ token }) {
      const { study } = readUnverified('joinToken', token)
      return `proves who this site is, for study ${study}`
    },
    'model:open'({ sha256 }) {
      inStudy('model:open')
      return `asks what model ${sha256.slice(0, 12)} is made of`
    },
    'model:chunk'({ sha256, index }) {
      inStudy('model:chunk')
      return `asks for chunk ${index} of model ${sha256.slice(0, 12)}`
    },
    'ledger:fetch'({ study, round }) {
      inStudy('ledger:fetch', study)
      return `asks for the record of round ${round}`
    },
    'round:progress'({ study, round, step, steps }) {
      inStudy('round:progress', study)
      return `progress of round ${round}: step ${step} of ${steps} and its mean loss`
    },
    'round:decline'({ study, round, code }) {
      inStudy('round:decline', study)
      return `declines round ${round} with ${code}`
    },
    'upload:open'({ manifest, chunks }) {
      const claim = readUnverified('manifest', manifest)
      const { bytes } = assertAnnounces(claim, chunks, inStudy('upload:open', claim.study), delta)
      announced = claim
      return `announces the delta of round ${claim.round}: ${bytes.byteLength} bytes, the hashes of its ${chunkCount(bytes.byteLength)} chunks, ${claim.samples} samples, means of the losses`
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
      return `bytes ${start} to ${start + chunk.byteLength} of the delta of round ${announced.round}`
    },
    'upload:commit'() {
      inStudy('upload:commit')
      if (announced === null) throw refused('upload:commit must follow upload:open', 'none')
      return `all of the delta of round ${announced.round} is sent`
    },
  }

  const judge = ({ type, nsp, data }: OutgoingPacket): { kind: string; why: string } => {
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
    return { kind, why: (reasons[kind] as (body: unknown) => string)(result.data) }
  }

  return {
    admitStudy(study) {
      const statistic = study.layout.tensors.find((tensor) => tensor.kind === 'statistic')
      if (!study.allowStatistics && statistic !== undefined) {
        throw new TesseraError(
          'ERR_GATE_TENSOR',
          `study must keep batch-norm statistics at the site, got ${statistic.name} in its delta`,
        )
      }
      admitted = study
    },
    admitDelta(values) {
      const { layout } = inStudy('upload:open')
      assertTensors(layout, values)
      const bytes = encodeDelta(layout, values)
      if (bytes.byteLength > MAX_MODEL_BYTES) {
        throw new TesseraError(
          'ERR_GATE_SIZE',
          `delta must have at most ${MAX_MODEL_BYTES} bytes, got ${bytes.byteLength}`,
        )
      }
      delta = { bytes, payload: sha256Hex(bytes), chunks: listChunks(bytes).digests }
      announced = null
      return delta
    },
    pass(packet) {
      const { kind, why } = judge(packet)
      const frame = encodeFrame(packet)
      const limit = frameLimit(kind, packet)
      if (frame.byteLength > limit) {
        throw new TesseraError(
          'ERR_GATE_SIZE',
          `${kind} must have at most ${limit} bytes, got ${frame.byteLength}`,
        )
      }
      audit.append({ kind, why, bytes: frame.byteLength, sha256: sha256Hex(frame) })
      return frame
    },
  }
}

/** Socket.IO's parser with the gate as its encoder. */
export function gatedParser(gate: Gate): SocketParser {
  return {
    Encoder: class {
      encode(packet: OutgoingPacket): Uint8Array[] {
        return [gate.pass(packet)]
      }
    },
    Decoder: createParser().Decoder,
  }
}

function isSiteMessage(kind: unknown): kind is SiteMessage {
  return typeof kind === 'string' && Object.hasOwn(siteMessages, kind)
}

function isEmpty(data: unknown): boolean {
  return data === undefined || data === null || (typeof data === 'object' && Object.keys(data).length === 0)
}

function judgeAnswer(data: unknown): string {
  const result = answer.safeParse(data)
  if (!result.success) throw refused('answer must be ok or a refusal', 'other fields')
  const [reply] = result.data
  return `answers the coordinator: ${reply.ok ? 'accepted' : `refused with ${reply.code}`}`
}

function assertTensors(layout: Layout, delta: Weights): void {
  const names = federatedLayout(layout).tensors.map(({ name }) => name)
  const stranger = [...delta.keys()].find((name, i) => name !== names[i])
  if (stranger !== undefined || delta.size !== names.length) {
    const got = stranger ?? `${delta.size} tensors`
    throw new TesseraError('ERR_GATE_TENSOR', `delta must have the tensors of the study's layout, got ${got}`)
  }
}

/** Gives the delta that the manifest and its list of chunks announce. */
function assertAnnounces(
  claim: Manifest,
  chunks: Uint8Array,
  { site, layout }: GateStudy,
  delta: EncodedDelta | null,
): EncodedDelta {
  const bytes = deltaBytes(layout)
  if (claim.bytes !== bytes || delta?.bytes.byteLength !== bytes) {
    throw new TesseraError('ERR_GATE_SIZE', `delta must have ${bytes} bytes, got ${claim.bytes} announced`)
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
  return delta
}

/** What carries bytes may be larger by them: both were compared with the delta. */
function frameLimit(kind: string, { data }: OutgoingPacket): number {
  if (kind !== 'upload:chunk' && kind !== 'upload:open') return MAX_CONTROL_BYTES
  const [, body] = data as [string, Body<typeof kind>]
  if ('chunk' in body) return body.chunk.byteLength + MAX_ENVELOPE_BYTES
  return body.chunks.byteLength + MAX_CONTROL_BYTES
}

function refused(rule: string, got: string): TesseraError {
  return new TesseraError('ERR_GATE_MESSAGE', `${rule}, got ${got}`)
}
