/** @file Why each message of a site may leave: one entry a message, which refuses it or says what the audit log says. */
import { deltaBytes } from '@tessera/shared/delta'
import { TesseraError } from '@tessera/shared/errors'
import { itemsOf } from '@tessera/shared/metrics'
import { layoutHash } from '@tessera/shared/model'
import {
  CHUNK_BYTES,
  type Judgement,
  type Manifest,
  type SiteMessage,
  type SiteMetrics,
  type siteMessages,
} from '@tessera/shared/protocol'
import { fingerprint, readUnverified } from '@tessera/shared/security'
import { chunkCount, chunkOf, DIGEST_BYTES } from '@tessera/shared/transfer'
import type { z } from 'zod'
import { chunkReason } from './chunk-reason.ts'
import { refused, withheld } from './gate-form.ts'
import { type EncodedDelta, type GateState, type GateStudy, inStudy, mayTellLoss } from './gate-state.ts'

export type Body<E extends SiteMessage> = z.infer<(typeof siteMessages)[E]['request']>

/** What the gate says of a message that has the right form. */
export interface Reason {
  readonly why: string
  /** For the audit's sums and the policy's limits. */
  readonly study?: string
  readonly round?: number
  readonly announces?: Manifest
  /** SHA-256 of the chunk that it carries. */
  readonly chunkHash?: Uint8Array
}

/** The type makes a missing entry an error. */
type Reasons = { readonly [E in SiteMessage]: (body: Body<E>) => Reason }

/** Builds the entries over what the gate knows at the time of each message. */
export function createReasons(state: GateState): Reasons {
  return {
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
      inStudy(state, 'ledger:show', study)
      const why = `shows the coordinator its own record of round ${round}, which it does not know`
      return { why, study, round }
    },
    'model:open'({ sha256 }) {
      const { study } = inStudy(state, 'model:open')
      return { why: `asks what model ${sha256.slice(0, 12)} is made of`, study }
    },
    'model:chunk'({ sha256, index }) {
      const { study } = inStudy(state, 'model:chunk')
      return { why: `asks for chunk ${index} of model ${sha256.slice(0, 12)}`, study }
    },
    'ledger:fetch'({ study, round }) {
      inStudy(state, 'ledger:fetch', study)
      return { why: `asks for the record of round ${round}`, study, round }
    },
    'round:progress'({ study, round, step, steps, loss }) {
      inStudy(state, 'round:progress', study)
      if (loss !== null && !mayTellLoss(state)) throw withheld('round:progress')
      const mean = loss === null ? '' : ' and its mean loss'
      return { why: `progress of round ${round}: step ${step} of ${steps}${mean}`, study, round }
    },
    'round:decline'({ study, round, code }) {
      inStudy(state, 'round:decline', study)
      return { why: `declines round ${round} with ${code}`, study, round }
    },
    'round:judge'({ judgement }) {
      const claim = readUnverified('judgement', judgement)
      const { study, round, part, counts } = claim
      assertJudges(state, claim)
      const what = counts === null ? 'nothing' : `the counts of ${itemsOf(counts)} tiles`
      return { why: `tells how the student of round ${round} does on part ${part}: ${what}`, study, round }
    },
    'upload:open'({ manifest, chunks }) {
      const claim = readUnverified('manifest', manifest)
      const { study, round, bytes, samples, metrics } = claim
      assertAnnounces(claim, chunks, inStudy(state, 'upload:open', study), state.delta)
      assertTold(state, claim)
      const means = metrics.loss === null ? 'no losses' : 'means of the losses'
      const why = `announces the delta of round ${round}: ${bytes} bytes, the hashes of its ${chunkCount(bytes)} chunks, ${samples} samples, ${means}`
      return { why, study, round, announces: claim }
    },
    'upload:chunk'({ index, chunk }) {
      inStudy(state, 'upload:chunk')
      const { announced, delta } = state
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
        why: chunkReason(start, start + chunk.byteLength, round),
        study,
        round,
        chunkHash: delta.chunks.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES),
      }
    },
    'upload:commit'() {
      inStudy(state, 'upload:commit')
      const { announced } = state
      if (announced === null) throw refused('upload:commit must follow upload:open', 'none')
      const { study, round } = announced
      return { why: `all of the delta of round ${round} is sent`, study, round }
    },
  }
}

/** The manifest tells what the policy lets it tell, under the policy's own hash. */
function assertTold({ rules, classCounts }: GateState, { samples, metrics, policyHash }: Manifest): void {
  if (policyHash !== rules().hash) throw refused('manifest must name the policy that is enforced', 'another')
  rules().assertSamples(samples)
  const allowed = rules().reportable(samples, metrics, classCounts)
  for (const [name, value] of Object.entries(allowed)) {
    if (metrics[name as keyof SiteMetrics] !== value) throw withheld(`manifest's ${name}`)
  }
}

/** Checks that a judgement tells what the gate has let be told of that student, under the policy's own hash. */
function assertJudges(state: GateState, claim: Judgement): void {
  const { site } = inStudy(state, 'round:judge', claim.study)
  if (claim.site !== site) throw refused('judgement must be of this site', 'another')
  if (claim.policyHash !== state.rules().hash)
    throw refused('judgement must name the policy that is enforced', 'another')
  const { student, counts, withheld } = claim
  if (JSON.stringify(state.judgement) === JSON.stringify({ student, counts, withheld })) return
  throw refused('judgement must tell the counts that the gate has admitted', 'others')
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
  if (Buffer.compare(chunks, delta.chunks) !== 0) {
    throw new TesseraError('ERR_GATE_TENSOR', "chunks must be the hashes of the delta's chunks, got others")
  }
}
