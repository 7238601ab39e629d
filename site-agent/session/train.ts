/** @file Trains an offered round: fetches what it needs, goes on from the state of the round before, and gives what may be sent. */
import type { Clock } from '@tessera/shared/clock'
import {
  computeDelta,
  decodeDelta,
  deltaRoom,
  encodeDelta,
  firstNonFinite,
  l2Norm,
  residualOf,
  withResidual,
} from '@tessera/shared/delta'
import { TesseraError } from '@tessera/shared/errors'
import { decodeModel, decodeTeacher, type Layout, type Weights } from '@tessera/shared/model'
import type { Encoding, Offer, OnnxTeacher, SiteMetrics, Study } from '@tessera/shared/protocol'
import { createRandom, type Random } from '@tessera/shared/random'
import type { FrozenTeacher, LocalTrainer, TileSource, TrainerOptions } from '../distill/index.ts'
import { clipDelta } from '../policy/index.ts'
import type { Ask } from '../uplink/connection.ts'
import type { Gate } from '../uplink/gate.ts'
import type { EncodedDelta } from '../uplink/gate-state.ts'
import { fetchModel, keepOnly } from '../uplink/models.ts'
import type { AgentEvent } from './events.ts'
import type { LocalStates } from './local-states.ts'

/** Builds the trainer; production's is site-agent/distill with the engine started. */
export type TrainerFactory = (options: TrainerOptions) => LocalTrainer | Promise<LocalTrainer>

/** What a round's training gave. */
export interface TrainedRound {
  readonly round: number
  /** SHA-256 of the student it started from. */
  readonly base: string
  readonly encoding: Encoding
  /** As the gate gave it. */
  readonly delta: EncodedDelta
  readonly samples: number
  readonly metrics: SiteMetrics
  /** SHA-256 of the policy that it was clipped and told by. */
  readonly policyHash: string
}

export interface RoundTrainerOptions {
  readonly study: Study
  readonly layout: Layout
  readonly site: string
  readonly tiles: TileSource
  readonly cacheDir: string
  readonly states: LocalStates
  readonly gate: Gate
  readonly createTrainer: TrainerFactory
  /** Opens an ONNX teacher. */
  readonly openTeacher: (bytes: Uint8Array, teacher: OnnxTeacher) => Promise<FrozenTeacher>
  /** SHA-256 of the student that an earlier round has published, as the ledger has verified it. */
  readonly studentAfter: (round: number) => Promise<string>
  readonly clock: Clock
  readonly onProgress: (event: AgentEvent) => void
}

export interface RoundTrainer {
  /**
   * Trains the round of an offer, or gives what it gave before, in this life or the one before: a round that is offered again is not
   * trained twice.
   * @param ask Asks again by itself after a cut.
   * @throws {TesseraError} ERR_TRAINING_DIVERGED, ERR_UPDATE_NORM, ERR_INTERRUPTED; what fetching, decoding or training throw.
   */
  train(offer: Offer, ask: Ask, signal: AbortSignal): Promise<TrainedRound>
  /** Lets go of what the disk has too: the next round is trained from there, to the same bits. */
  rest(): void
  dispose(): Promise<void>
}

/**
 * Rounds that a site may miss and still add what its last delta has lost: after more, the student has moved on, and what was lost points from
 * where it was.
 */
const RESIDUAL_ROUNDS = 3

/** Builds the trainer of a session. */
export function createRoundTrainer(options: RoundTrainerOptions): RoundTrainer {
  const { study, layout, site, tiles, cacheDir, states, gate, clock, onProgress } = options
  const { encoding } = study.federation
  /** The trainer, and the round whose end its state is. */
  let held: { trainer: LocalTrainer; after: number } | null = null
  let trained: TrainedRound | null = null
  /** Where each round's delta is computed. */
  let room: Float32Array | undefined
  /** The study's teacher when it is an ONNX file. */
  let frozen: FrozenTeacher | null = null

  const drop = (): void => {
    held?.trainer.dispose()
    held = null
  }
  const obtain = (sha256: string, ask: Ask, signal: AbortSignal, bytes?: number): Promise<Uint8Array> =>
    fetchModel({
      dir: cacheDir,
      sha256,
      ask,
      signal,
      ...(bytes === undefined ? {} : { bytes }),
      onProgress: (done, totalBytes) => onProgress({ kind: 'fetching', bytes: done, totalBytes }),
    })
  const obtainTeacher = async (ask: Ask, signal: AbortSignal): Promise<TrainerOptions['teacher']> => {
    if (study.teacher === undefined) return null
    if (frozen !== null) return frozen
    const bytes = await obtain(study.teacher.sha256, ask, signal)
    if (study.teacher.name !== 'onnx') return decodeTeacher(bytes, study).weights
    frozen = await options.openTeacher(bytes, study.teacher)
    return frozen
  }
  const trainerAfter = async (after: number, ask: Ask, signal: AbortSignal): Promise<LocalTrainer> => {
    if (held?.after === after) return held.trainer
    drop()
    const teacher = await obtainTeacher(ask, signal)
    const state = after === 0 ? undefined : await states.after(after)
    held = { trainer: await options.createTrainer({ study, teacher, tiles, site, state }), after }
    return held.trainer
  }

  /** The same each time: a round that is trained or encoded again is rounded to the same bytes. */
  const rounding = (round: number): Random => createRandom(`${study.seed}/${site}/round-${round}/rounding`)
  /** What the site's last delivered delta has lost to its encoding, unless that is too long ago. */
  const residualBefore = async (round: number, last: number): Promise<Weights | null> => {
    const missed = round - last - 1
    if (encoding === 'f32' || last === 0 || missed > RESIDUAL_ROUNDS) return null
    return states.residualAfter(last)
  }

  /** What was trained before the agent was stopped. Encoded anew: only what the gate has encoded itself may leave. */
  const trainedBefore = async ({ round, base }: Offer): Promise<TrainedRound | null> => {
    const found = await states.heldDelta(round)
    if (found?.base !== base) return null
    const { bytes, exact, samples } = found
    if (exact === undefined && encoding !== 'f32') return null
    // The policy may have become stricter: a delta that it clips is trained again, and what it withholds now does not leave.
    const kept = clipDelta(layout, decodeDelta(layout, exact ?? bytes), gate.normClip)
    const delta = gate.admitDelta(kept, rounding(round))
    if (delta.payload !== (await states.held(round))) return null
    const metrics = gate.admitMetrics(samples, found.metrics)
    return { round, base, encoding, delta, samples, metrics, policyHash: gate.policyHash }
  }

  return {
    async train(offer, ask, signal) {
      const { round } = offer
      const isDone = trained?.round === round && trained.base === offer.base
      // Under another policy it is clipped and told anew.
      if (isDone && trained?.policyHash === gate.policyHash) return trained
      trained = await trainedBefore(offer)
      if (trained !== null) return trained
      const student = decodeModel(await obtain(offer.base, ask, signal, offer.baseBytes), layout)
      const last = await states.lastBefore(round)
      const trainer = await trainerAfter(last, ask, signal)
      const startedMs = clock.elapsed()
      const result = await trainer.trainRound({
        round,
        student,
        signal,
        studentAfter: async (earlier) =>
          decodeModel(await obtain(await options.studentAfter(earlier), ask, signal), layout),
        onProgress: ({ step, steps, loss, parts, seen }) => {
          const seconds = (clock.elapsed() - startedMs) / 1000
          onProgress({
            kind: 'training',
            round,
            rounds: study.training.rounds,
            step,
            steps,
            loss,
            ...(parts && { parts }),
            ...(seen && seconds > 0 && { imagesPerSecond: seen / seconds }),
            secondsLeft: Math.round((seconds / step) * (steps - step)),
          })
        },
      })
      await keepOnly(cacheDir, new Set([offer.base, study.teacher?.sha256 ?? '']))
      // From here on the trainer is a round further, whatever becomes of the delta.
      if (held !== null) held.after = round
      room ??= deltaRoom(layout)
      const delta = computeDelta(layout, result.student, student, room)
      assertFinite(delta, layout)
      // Clipped after the residual: what the site's own clip takes away is not sent later either.
      const whole = withResidual(layout, delta, await residualBefore(round, last))
      const wanted = clipDelta(layout, whole, gate.normClip)
      const encoded = gate.admitDelta(wanted, rounding(round))
      const lossless = encoding === 'f32'
      const sent = lossless ? wanted : decodeDelta(layout, encoded.bytes, encoding)
      assertWithinBound(sent, layout, study)
      const residual = lossless ? undefined : residualOf(layout, wanted, sent)
      const exact = lossless ? undefined : encodeDelta(layout, wanted)
      const seconds = (clock.elapsed() - startedMs) / 1000
      const { base } = offer
      const { samples } = result
      const metrics = gate.admitMetrics(samples, { ...result.metrics, seconds })
      const { bytes, payload } = encoded
      const toHold = { base, samples, metrics, bytes, exact }
      await states.hold(round, payload, await trainer.state(), toHold, residual)
      trained = { round, base, encoding, delta: encoded, samples, metrics, policyHash: gate.policyHash }
      return trained
    },
    rest() {
      drop()
      trained = null
      room = undefined
    },
    async dispose() {
      drop()
      await frozen?.dispose()
      frozen = null
    },
  }
}

/** The coordinator would refuse it: better said before the upload. */
function assertFinite(delta: Weights, layout: Layout): void {
  const broken = firstNonFinite(layout, delta)
  if (broken !== null) {
    throw new TesseraError('ERR_TRAINING_DIVERGED', `delta must be finite, got NaN or infinity in ${broken}`)
  }
}

/** So is this. */
function assertWithinBound(sent: Weights, layout: Layout, study: Study): void {
  const norm = l2Norm(layout, sent)
  const { maxNorm } = study.federation
  if (norm > maxNorm) {
    throw new TesseraError(
      'ERR_UPDATE_NORM',
      `delta must have a norm of at most ${maxNorm}, got ${norm.toPrecision(4)}`,
    )
  }
}
