/**
 * @file Trains a study's student on a site's tiles, a round at a time, and keeps what stays at the site between rounds.
 *
 * Pure but for the engine: no clock, no file. Same study, site, tiles, student and state: same bits.
 */
import { setImmediate } from 'node:timers/promises'
import { TesseraError } from '@tessera/shared/errors'
import {
  elementCount,
  type Layout,
  studentArchitecture,
  studentLayout,
  trainedLayout,
  type Weights,
} from '@tessera/shared/model'
import { createNetwork } from '@tessera/shared/model/network'
import type { SiteMetrics, Study } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import { averagedUpTo, type MissedRounds } from './global-teacher.ts'
import { learningRateAt } from './learning-rate.ts'
import { assertOwnState, type LocalState, localState } from './local-state.ts'
import { createMethod, type TeacherSource } from './methods/index.ts'
import type { MethodState } from './methods/method.ts'
import { backboneOf, modelContrastOf, previousFromState, previousInState } from './model-contrast.ts'
import { ownFromState, ownInState, ownOf, withOwn } from './own-tensors.ts'
import { proximalWeight } from './proximal.ts'
import { type RoundMetrics, roundMetrics, type StepMetrics } from './round-metrics.ts'
import type { TileSource } from './tiles.ts'
import {
  type StepperFactory,
  startTraining,
  type Training,
  untouchedState,
  velocitiesOf,
  withModules,
} from './training.ts'

export interface TrainerOptions {
  readonly study: Study
  /** The study's teacher: weights of a network of ours, or an ONNX teacher, which its opener frees. Null when the study has none. */
  readonly teacher: TeacherSource
  readonly tiles: TileSource
  /** Name of the site: its order of tiles and its augmentation hang on it. */
  readonly site: string
  /** Of {@link LocalTrainer.state}, to go on from; absent at the site's first round. */
  readonly state?: LocalState | undefined
  /** Default: the engine's. Another may give steppers of one study out again, which saves a recording each time. */
  readonly createStepper?: StepperFactory | undefined
}

export interface Progress {
  readonly step: number
  /** Steps of the whole round. */
  readonly steps: number
  /** Loss of the step's batch, and its parts; those that the method does not have are null. */
  readonly loss: number
  readonly parts?: Pick<StepMetrics, 'ce' | 'kl' | 'nce'>
  /** Tiles of the round's steps so far. */
  readonly seen?: number
}

export interface RoundOptions {
  /** 1 to the study's rounds. */
  readonly round: number
  /** The global student of the round before. */
  readonly student: Weights
  /** Gives the student that an earlier round has published, for a teacher that follows them and has missed it. */
  readonly studentAfter?: ((round: number) => Promise<Weights>) | undefined
  /** Stops between two steps. */
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

export interface RoundResult {
  readonly student: Weights
  /** Tiles trained on in one epoch: the aggregation weight. */
  readonly samples: number
  readonly metrics: RoundMetrics & Pick<SiteMetrics, 'skippedTiles'>
}

export interface LocalTrainer {
  /**
   * Trains one round. When it fails or is stopped, the trainer is as it was before the round.
   * @throws {TesseraError} ERR_TRAINING_DIVERGED if a loss is not finite; ERR_INTERRUPTED if stopped; ERR_DATA_FOLDER if there are
   * fewer than 2 tiles; ERR_LAYOUT_MISMATCH if the student is another study's.
   */
  trainRound(options: RoundOptions): Promise<RoundResult>
  /** What the site keeps between rounds. */
  state(): Promise<LocalState>
  dispose(): void
}

/** Counter in a site's state. */
const AVERAGED = 'averagedRounds'

/**
 * Builds the trainer of a site. Start the engine first.
 * @throws {TesseraError} ERR_STUDY_INVALID if the method needs a teacher that is not there; ERR_STORE_CORRUPT if the state is not this
 * site's of this study; ERR_LAYOUT_MISMATCH, {TensorShapeError} if the teacher or the state does not fit.
 */
export function createTrainer({
  study,
  teacher,
  tiles,
  site,
  state,
  createStepper,
}: TrainerOptions): LocalTrainer {
  if (state) assertOwnState(state, study, site)
  const layout = trainedLayout(study)
  const federated = studentLayout(study)
  /** The student's tensors that no round replaces. */
  let own = ownFromState(state?.tensors ?? new Map())
  const contrast = modelContrastOf(study)
  /** The backbone that the last round ended with, where a local term looks at it. */
  let previous = previousFromState(state?.tensors ?? new Map())
  /** Where the next training starts from; null: from the study's seed. */
  let rest: MethodState | null = state ?? null
  // Made at once, so that a study or a state that does not fit is refused here and not in the middle of a round.
  let method = createMethod(study, teacher, tiles.labels, rest)
  let training: Training | null = null
  /** Rounds whose published students are in a teacher that follows them. */
  let averagedRounds = state?.counters[AVERAGED] ?? 0

  const network = createNetwork(studentArchitecture(study), study.classes.length)
  const start = (student: Weights): Training =>
    startTraining({
      network,
      layout,
      method,
      momentum: study.training.momentum,
      weightDecay: study.training.weightDecay,
      proximal: proximalWeight(study),
      contrast,
      previous,
      noise: { dropout: study.student.dropout, stochasticDepth: study.student.stochasticDepth },
      student,
      velocities: rest ? velocitiesOf(rest) : atRest(withModules(layout, method)),
      createStepper,
    })
  const currentState = async (): Promise<MethodState> =>
    training?.state() ??
    untouchedState(method, rest ? velocitiesOf(rest) : atRest(withModules(layout, method)))

  return {
    async trainRound(options) {
      // From the seed, a start that failed can be made again.
      const before = training ? await training.state() : rest
      const averagedBefore = averagedRounds
      try {
        const begun = withOwn(new Map([...options.student, ...(method.modules?.weights() ?? [])]), own)
        if (training) await training.replaceStudent(begun, previous)
        else training = start(begun)
        rest = null
        if (method.global) {
          const missed = missedRounds(options, averagedRounds)
          const kept = before?.tensors ?? method.weights()
          if (missed.until > missed.after)
            await training.replaceMethod(await averagedUpTo(kept, missed, method.global))
          averagedRounds = missed.until
        }
        const metrics = roundMetrics(await trainEpochs({ ...options, study, training, tiles, site }))
        const trained = await training.student()
        own = ownOf(federated, method.modules?.specs ?? [], trained)
        if (contrast) previous = backboneOf(network.layout, trained)
        return {
          student: new Map([...trained].filter(([name]) => options.student.has(name))),
          samples: Math.round(metrics.seen / study.training.epochsPerRound),
          metrics: { ...metrics, skippedTiles: tiles.skipped },
        }
      } catch (thrown) {
        training?.dispose()
        training = null
        rest = before
        averagedRounds = averagedBefore
        method = createMethod(study, teacher, tiles.labels, rest)
        throw thrown
      }
    },
    async state() {
      const { tensors, counters } = await currentState()
      const kept = [...tensors, ...ownInState(own), ...previousInState(previous)]
      const told = method.global ? { ...counters, [AVERAGED]: averagedRounds } : counters
      return localState(study, site, { tensors: new Map(kept), counters: told })
    },
    dispose: () => training?.dispose(),
  }
}

/** What the site's teacher lacks before a round: the student that the round begins with, and those of rounds that the site had no part in. */
function missedRounds({ round, student, studentAfter }: RoundOptions, after: number): MissedRounds {
  const until = round - 1
  return {
    after,
    until,
    studentAfter(earlier) {
      if (earlier === until) return student
      if (studentAfter !== undefined) return studentAfter(earlier)
      throw new TesseraError(
        'ERR_INTERNAL',
        `internal: trainer must get the student of round ${earlier}, got none`,
      )
    },
  }
}

interface EpochsOptions extends Omit<RoundOptions, 'student'> {
  readonly study: Study
  readonly training: Training
  readonly tiles: TileSource
  readonly site: string
}

async function trainEpochs(options: EpochsOptions): Promise<StepMetrics[]> {
  const { study, tiles, site, round, signal, onProgress } = options
  const { training } = study
  const stepsPerEpoch = trainableBatches(tiles.count, training.batchSize)
  if (stepsPerEpoch === 0) {
    throw new TesseraError(
      'ERR_DATA_FOLDER',
      `data must have at least 2 tiles to train on, got ${tiles.count}`,
    )
  }
  const random = createRandom(`${study.seed}/${site}/round-${round}`)
  const metrics: StepMetrics[] = []
  let seen = 0
  for (let epoch = 1; epoch <= training.epochsPerRound; epoch++) {
    const studyEpoch = (round - 1) * training.epochsPerRound + epoch
    const learningRate = learningRateAt(training, studyEpoch, training.rounds * training.epochsPerRound)
    const noise = random.fork(`noise-${epoch}`)
    const batches = tiles.batches({
      random: random.fork(`tiles-${epoch}`),
      batchSize: training.batchSize,
      augment: training.augment,
    })
    for await (const batch of batches) {
      if (signal?.aborted)
        throw new TesseraError('ERR_INTERRUPTED', 'round must train to its end, got a stop')
      // A lone last tile has no batch statistics to speak of: its variance is 0, and its norms would erase it.
      if (batch.size < 2) continue
      const step = await options.training.step(batch, tiles.sizePx, learningRate, noise)
      metrics.push(step)
      seen += step.seen
      const { loss, ce, kl, nce } = step
      const steps = stepsPerEpoch * training.epochsPerRound
      onProgress?.({ step: metrics.length, steps, loss, parts: { ce, kl, nce }, seen })
      // Lets the socket answer the coordinator's pings: a step keeps the event loop busy for a second or more.
      await setImmediate()
    }
  }
  return metrics
}

/** Batches of an epoch that have at least two tiles. */
function trainableBatches(count: number, batchSize: number): number {
  return Math.floor(count / batchSize) + (count % batchSize > 1 ? 1 : 0)
}

/** Velocities before the first step. */
function atRest({ tensors }: Layout): Map<string, Float32Array> {
  const learnt = tensors.filter(({ kind }) => kind === 'trainable')
  return new Map(learnt.map(({ name, shape }) => [name, new Float32Array(elementCount(shape))]))
}
