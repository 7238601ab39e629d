/**
 * @file Trains a study's student on a site's tiles, a round at a time, and keeps what stays at the site between rounds.
 *
 * Pure but for the engine: no clock, no file. Same study, site, tiles, student and state: same bits.
 */
import { setImmediate } from 'node:timers/promises'
import * as tf from '@tensorflow/tfjs-core'
import { TesseraError } from '@tessera/shared/errors'
import { elementCount, type Layout, studentLayout, type Weights } from '@tessera/shared/model'
import { createNetwork, toParams } from '@tessera/shared/model/network'
import type { SiteMetrics, Study } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import { learningRateAt } from './learning-rate.ts'
import { assertOwnState, type LocalState, localState } from './local-state.ts'
import { createMethod } from './methods/index.ts'
import type { Method } from './methods/method.ts'
import { roundMetrics, type StepMetrics } from './round-metrics.ts'
import { readWeights, withoutPrefix, withPrefix } from './tensor-map.ts'
import type { TileBatch, TileSource } from './tiles.ts'
import { type StudentState, trainStep } from './train-step.ts'

export interface TrainerOptions {
  readonly study: Study
  /** Weights of the study's teacher; null when it has none. */
  readonly teacher: Weights | null
  readonly tiles: TileSource
  /** Name of the site: its order of tiles and its augmentation hang on it. */
  readonly site: string
  /** Of {@link LocalTrainer.state}, to go on from; absent at the site's first round. */
  readonly state?: LocalState | undefined
}

export interface Progress {
  readonly step: number
  /** Steps of the whole round. */
  readonly steps: number
  /** Loss of the step's batch. */
  readonly loss: number
}

export interface RoundOptions {
  /** 1 to the study's rounds. */
  readonly round: number
  /** The global student of the round before. */
  readonly student: Weights
  /** Stops between two steps. */
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

export interface RoundResult {
  readonly student: Weights
  /** Tiles trained on in one epoch: the aggregation weight. */
  readonly samples: number
  readonly metrics: Omit<SiteMetrics, 'seconds'>
}

export interface LocalTrainer {
  /**
   * Trains one round. When it fails or is stopped, the trainer is as it was before the round.
   * @throws {TesseraError} ERR_TRAINING_DIVERGED if a loss is not finite; ERR_INTERRUPTED if stopped; ERR_DATA_FOLDER if there are
   * fewer than 2 tiles; ERR_LAYOUT_MISMATCH if the student is another study's.
   */
  trainRound(options: RoundOptions): Promise<RoundResult>
  /** What the site keeps between rounds. */
  state(): LocalState
  dispose(): void
}

const VELOCITY = 'velocity.'

/**
 * Builds the trainer of a site. Start the engine first.
 * @throws {TesseraError} ERR_STUDY_INVALID if the method needs a teacher that is not there; ERR_STORE_CORRUPT if the state is not this
 * site's of this study; ERR_LAYOUT_MISMATCH, {TensorShapeError} if the teacher or the state does not fit.
 */
export function createTrainer({ study, teacher, tiles, site, state }: TrainerOptions): LocalTrainer {
  if (state) assertOwnState(state, study, site)
  const layout = studentLayout(study)
  const learnt: Layout = { ...layout, tensors: layout.tensors.filter(({ kind }) => kind === 'trainable') }
  let velocities = state ? withoutPrefix(VELOCITY, state.tensors) : atRest(learnt)
  let method = createMethod(study, teacher, state ?? null)

  const trainer: LocalTrainer = {
    async trainRound(options) {
      const before = trainer.state()
      const student = { weights: toParams(layout, options.student), velocities: toParams(learnt, velocities) }
      try {
        const { round, signal, onProgress } = options
        const steps = await trainEpochs({ study, method, student, tiles, site, round, signal, onProgress })
        const metrics = roundMetrics(steps)
        const result = {
          student: readWeights(layout, student.weights),
          samples: Math.round(metrics.seen / study.training.epochsPerRound),
          metrics: { ...metrics, skippedTiles: tiles.skipped },
        }
        velocities = readWeights(learnt, student.velocities)
        return result
      } catch (thrown) {
        method.dispose()
        method = createMethod(study, teacher, before)
        throw thrown
      } finally {
        tf.dispose([...student.weights.values(), ...student.velocities.values()])
      }
    },
    state() {
      const { tensors, counters } = method.state()
      return localState(study, site, {
        tensors: new Map([...tensors, ...withPrefix(VELOCITY, velocities)]),
        counters,
      })
    },
    dispose: () => method.dispose(),
  }
  return trainer
}

interface EpochsOptions extends Omit<RoundOptions, 'student'> {
  readonly study: Study
  readonly method: Method
  readonly student: StudentState
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
  const network = createNetwork(study.student, study.classes.length)
  const metrics: StepMetrics[] = []
  for (let epoch = 1; epoch <= training.epochsPerRound; epoch++) {
    const studyEpoch = (round - 1) * training.epochsPerRound + epoch
    const learningRate = learningRateAt(training, studyEpoch, training.rounds * training.epochsPerRound)
    const noise = { random: random.fork(`noise-${epoch}`), ...maskings(study) }
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
      const sgd = { learningRate, momentum: training.momentum, weightDecay: training.weightDecay }
      const step = withTensors(batch, tiles.sizePx, (tensors) =>
        trainStep({ ...options, network, batch: tensors, noise, sgd }),
      )
      metrics.push(step)
      onProgress?.({ step: metrics.length, steps: stepsPerEpoch * training.epochsPerRound, loss: step.loss })
      // Lets the socket answer the coordinator's pings: a step keeps the event loop busy for a second or more.
      await setImmediate()
    }
  }
  return metrics
}

function maskings({ student }: Study): { dropout: number; stochasticDepth: number } {
  return { dropout: student.dropout, stochasticDepth: student.stochasticDepth }
}

/** Batches of an epoch that have at least two tiles. */
function trainableBatches(count: number, batchSize: number): number {
  return Math.floor(count / batchSize) + (count % batchSize > 1 ? 1 : 0)
}

function withTensors<T>(
  { images, labels, size }: TileBatch,
  sizePx: number,
  use: (batch: { images: tf.Tensor4D; labels: tf.Tensor1D }) => T,
): T {
  const batch = {
    images: tf.tensor4d(images, [size, sizePx, sizePx, 3]),
    labels: tf.tensor1d(labels, 'int32'),
  }
  try {
    return use(batch)
  } finally {
    tf.dispose([batch.images, batch.labels])
  }
}

/** Velocities before the first step. */
function atRest({ tensors }: Layout): Map<string, Float32Array> {
  return new Map(tensors.map(({ name, shape }) => [name, new Float32Array(elementCount(shape))]))
}
