/** @file A round that is trained and not sent: what would leave, to the tensor. Of the study's state on the disk nothing changes. */

import { join } from 'node:path'
import { asTesseraError, type ErrorCode, TesseraError } from '@tessera/shared/errors'
import {
  elementCount,
  federatedLayout,
  layoutHash,
  studentLayout,
  type TensorSpec,
} from '@tessera/shared/model'
import type { Manifest, Study } from '@tessera/shared/protocol'
import { verifyPayload } from '@tessera/shared/security'
import { chunkCount } from '@tessera/shared/transfer'
import { loadPolicy } from '../policy/index.ts'
import type { Gate } from '../uplink/gate.ts'
import { fetchModel } from '../uplink/models.ts'
import type { AgentOptions } from './agent.ts'
import { behindGate, gateStudy } from './behind-gate.ts'
import { openLocalStates } from './local-states.ts'
import { loadSite, type Site } from './site-folder.ts'
import type { TrainedRound } from './train.ts'
import { visit } from './visit.ts'
import { openSiteTiles, openTraining, studyFolder, type TrainingOptions } from './workplace.ts'

/** What would leave in the round. */
export interface DryRun {
  /** As it would be signed. What only an offer gives (attempt, nonce) is not in it. */
  readonly manifest: Omit<Manifest, 'attempt' | 'nonce' | 'issuedAtMs'>
  /** Frames by kind; `bytes` without their envelopes. */
  readonly messages: readonly {
    readonly kind: string
    readonly frames: string
    readonly bytes: number
    readonly what: string
  }[]
  readonly tensors: readonly {
    readonly name: string
    readonly kind: string
    readonly shape: readonly number[]
    readonly bytes: number
  }[]
  /** What the policy would say to it now; null: it would leave. */
  readonly refusal: { readonly code: ErrorCode; readonly message: string } | null
}

/** Where the round begins. */
interface Start {
  readonly study: Study
  readonly round: number
  /** SHA-256 and size of the student. */
  readonly base: string
  readonly baseBytes: number
  /** SHA-256 of the students that earlier rounds have published, by round; those that a teacher which follows them lacks. */
  readonly missed: ReadonlyMap<number, string>
}

/**
 * Joins, fetches what is not there yet, leaves, and trains the coming round.
 * @throws {TesseraError} ERR_ROUND_CLOSED if the study is finished; as runAgent.
 */
export async function dryRun(options: AgentOptions): Promise<DryRun> {
  const { dir, clock } = options
  const site = await loadSite(dir)
  const policy = await loadPolicy(dir, site)
  return behindGate({ dir, clock, policy, dryRun: true }, async (gate) => {
    const start = await fetchStart(options, site, gate)
    const { study, round, base, baseBytes, missed } = start
    const { onProgress = () => undefined } = options
    const studentAfter = async (earlier: number): Promise<string> => missed.get(earlier) ?? ''
    const training: TrainingOptions = { ...options, onProgress, study, site, studentAfter, gate }
    const tiles = await openSiteTiles(training)
    // Nothing is kept: the next real round finds the state that it left.
    const states = { ...openLocalStates(studyFolder(dir, study.id)), hold: async () => undefined }
    const trainer = openTraining(training, tiles, states)
    try {
      const layout = layoutHash(studentLayout(study))
      const times = { issuedAtMs: clock.now(), deadlineMs: clock.now() }
      const offer = {
        study: study.id,
        site: site.site,
        round,
        attempt: 1,
        base,
        baseBytes,
        layoutHash: layout,
        plan: '',
        nonce: 'none',
        ...times,
      }
      return describe(start, site, await trainer.train(offer, offline, options.signal), gate)
    } finally {
      await trainer.dispose()
    }
  })
}

async function fetchStart(options: AgentOptions, site: Site, gate: Gate): Promise<Start> {
  const { dir, signal, onProgress = () => undefined } = options
  return visit({ ...options, site, gate }, async ({ welcome, plan: { study } }, ask) => {
    const { round, student, phase } = welcome
    if (phase === 'finished' || phase === 'cancelled') {
      throw new TesseraError('ERR_ROUND_CLOSED', `study ${study.id} must have a round to come, got its end`)
    }
    gate.admitStudy(gateStudy(study, site))
    const obtain = (sha256: string): Promise<Uint8Array> =>
      fetchModel({
        dir: join(dir, 'cache'),
        sha256,
        ask,
        signal,
        onProgress: (bytes, totalBytes) => onProgress({ kind: 'fetching', bytes, totalBytes }),
      })
    const { byteLength: baseBytes } = await obtain(student)
    if (study.teacher !== undefined) await obtain(study.teacher.sha256)
    const missed = new Map<number, string>()
    if (study.teacher?.momentum === 'global') {
      // The state after the last delivered round has the students before that round in its teacher.
      const last = await openLocalStates(studyFolder(dir, study.id)).lastBefore(round + 1)
      for (let earlier = Math.max(1, last); earlier < round; earlier++) {
        const { record } = await ask('ledger:fetch', { study: study.id, round: earlier })
        const published = await verifyPayload('published', record, site.coordinator.keyOf(study.id, earlier))
        missed.set(earlier, published.student)
        await obtain(published.student)
      }
    }
    return { study, round: round + 1, base: student, baseBytes, missed }
  })
}

function describe(
  { study, round, base }: Start,
  { site }: Site,
  { delta: { bytes, payload, chunks }, samples, metrics }: TrainedRound,
  gate: Gate,
): DryRun {
  const layout = studentLayout(study)
  const manifest = {
    study: study.id,
    site,
    round,
    base,
    layoutHash: layoutHash(layout),
    encoding: study.federation.encoding,
    bytes: bytes.byteLength,
    payload,
    samples,
    metrics,
    policyHash: gate.policyHash,
  }
  const loss = gate.mayTellLoss() ? 'mean loss of the step' : 'no loss'
  return {
    manifest,
    messages: [
      {
        kind: 'round:progress',
        frames: 'two a second at most',
        bytes: 0,
        what: `step, ${loss}, seconds left`,
      },
      {
        kind: 'upload:open',
        frames: '1',
        bytes: JSON.stringify(manifest).length + chunks.byteLength,
        what: 'the manifest, signed; the hash of each chunk',
      },
      {
        kind: 'upload:chunk',
        frames: String(chunkCount(bytes.byteLength)),
        bytes: bytes.byteLength,
        what: 'the delta: the tensors below',
      },
      { kind: 'upload:commit', frames: '1', bytes: 0, what: 'all is sent' },
    ],
    tensors: federatedLayout(layout).tensors.map(tensorLine),
    refusal: refusalOf(() => gate.assertRound('send', round)),
  }
}

function tensorLine({ name, kind, shape }: TensorSpec): DryRun['tensors'][number] {
  return { name, kind, shape, bytes: 4 * elementCount(shape) }
}

function refusalOf(ask: () => void): DryRun['refusal'] {
  try {
    ask()
    return null
  } catch (thrown) {
    const { code, message } = asTesseraError(thrown)
    return { code, message }
  }
}

/** All that the training needs was fetched before. */
async function offline(): Promise<never> {
  throw new TesseraError('ERR_INTERNAL', 'internal: a dry run must have fetched its models, got a question')
}
