/** @file A student in training: its step, the state that the step moves, and what is fed to it batch by batch. */
import { createStepper as engineStepper, type NamedValues, type Values } from '@tessera/shared/engine'
import { TesseraError } from '@tessera/shared/errors'
import type { Layout, TensorSpec, Weights } from '@tessera/shared/model'
import {
  drawNoise,
  fromEngine,
  type Network,
  type NoiseSettings,
  toValues,
} from '@tessera/shared/model/network'
import type { Random } from '@tessera/shared/random'
import type { Method, MethodState } from './methods/method.ts'
import { backboneOf, type ModelContrast, PREVIOUS_PREFIX } from './model-contrast.ts'
import type { StepMetrics } from './round-metrics.ts'
import { withoutPrefix, withPrefix } from './tensor-map.ts'
import type { TileBatch } from './tiles.ts'
import { ANCHOR_PREFIX, FEEDS, STUDENT_PREFIX, trainingStep, VELOCITY_PREFIX } from './train-step.ts'

export interface TrainingOptions {
  readonly network: Network
  /** Of the student with all that is learnt beside the backbone, but for the method's modules. */
  readonly layout: Layout
  readonly method: Method
  readonly momentum: number
  readonly weightDecay: number
  /** μ of the proximal term towards the student the round began with; 0: none. */
  readonly proximal: number
  /** The model-contrastive term; null: none. */
  readonly contrast: ModelContrast | null
  /** The student that this site's round before ended with, where there is such a term; null in its first round. */
  readonly previous: Weights | null
  readonly noise: NoiseSettings
  /** With the method's modules behind it. */
  readonly student: Weights
  /** One a trainable tensor of the layout and of the modules. */
  readonly velocities: Weights
  readonly createStepper?: StepperFactory | undefined
}

/** Builds the stepper of a state: {@link engineStepper}, or one that gives the same. */
export type StepperFactory = typeof engineStepper

export interface Training {
  /**
   * Trains on one batch of `sizePx`² tiles.
   * @param random Stream of dropout and stochastic depth.
   * @throws {TesseraError} ERR_TRAINING_DIVERGED if the loss is not finite; the state has then moved on all the same.
   */
  step(batch: TileBatch, sizePx: number, learningRate: number, random: Random): Promise<StepMetrics>
  /** The student with the method's modules behind it, in PyTorch's element order. */
  student(): Promise<Weights>
  /** Goes on with another student: the federation's. Method and velocities stay. @param previous As in {@link TrainingOptions}. */
  replaceStudent(student: Weights, previous: Weights | null): Promise<void>
  /** Goes on with other values of some of the method's tensors. */
  replaceMethod(tensors: Weights): Promise<void>
  /** What a site keeps: the method's tensors and counters, and the velocities as `velocity.*`. */
  state(): Promise<MethodState>
  dispose(): void
}

/** Starts training. Start the engine first. @throws {TesseraError} ERR_LAYOUT_MISMATCH, {TensorShapeError} if weights do not fit. */
export function startTraining(options: TrainingOptions): Training {
  const { network, method, noise, contrast, createStepper = engineStepper } = options
  const layout = withModules(options.layout, method)
  const learnt: Layout = { ...layout, tensors: layout.tensors.filter(({ kind }) => kind === 'trainable') }
  // The federation has no modules to pull to.
  const anchored: Layout = { ...learnt, tensors: without(learnt, method.modules?.specs ?? []) }
  const methodLayout: Layout = { architecture: 'method', tensors: method.specs }
  const student = (weights: Weights): [string, Values][] =>
    withPrefix(STUDENT_PREFIX, toValues(layout, weights))
  const backbone = (prefix: string, weights: Weights): [string, Values][] =>
    withPrefix(prefix, toValues(network.layout, backboneOf(network.layout, weights)))
  /** What local terms hold the student against: where the round began, and where the last one ended. */
  const anchors = (weights: Weights, previous: Weights | null): [string, Values][] => {
    if (contrast !== null)
      return [...backbone(ANCHOR_PREFIX, weights), ...backbone(PREVIOUS_PREFIX, previous ?? weights)]
    return options.proximal > 0 ? withPrefix(ANCHOR_PREFIX, toValues(anchored, pick(anchored, weights))) : []
  }
  let hasPrevious = options.previous !== null
  const stepper = createStepper(
    new Map<string, Values>([
      ...student(options.student),
      ...anchors(options.student, options.previous),
      ...withPrefix(VELOCITY_PREFIX, toValues(learnt, options.velocities)),
      ...toValues(methodLayout, method.weights()),
    ]),
    trainingStep(options),
  )
  const read = async (specs: readonly TensorSpec[], prefix: string): Promise<Map<string, Float32Array>> => {
    const values = await stepper.read(specs.map(({ name }) => `${prefix}${name}`))
    return new Map(
      specs.map((spec) => [
        spec.name,
        fromEngine(spec, values.get(`${prefix}${spec.name}`) ?? new Float32Array()),
      ]),
    )
  }
  return {
    async step(batch, sizePx, learningRate, random) {
      const outputs = await stepper.run(
        new Map<string, Values>([
          ...batchFeeds(batch, sizePx, learningRate),
          ...(contrast ? [[FEEDS.contrast, scalar(hasPrevious ? contrast.weight : 0)] as const] : []),
          ...drawNoise(random, network.graph, batch.size, noise),
          ...(await method.feeds(batch, sizePx)),
        ]),
      )
      return metricsOf(outputs, batch.size)
    },
    student: () => read(layout.tensors, STUDENT_PREFIX),
    async replaceStudent(weights, previous) {
      hasPrevious = previous !== null
      const replaced = [...student(weights), ...anchors(weights, previous)]
      await stepper.write(new Map(replaced.map(([name, { values }]) => [name, values as Float32Array])))
    },
    async replaceMethod(tensors) {
      const replaced = method.specs.filter(({ name }) => tensors.has(name))
      const values = toValues({ ...methodLayout, tensors: replaced }, tensors)
      await stepper.write(new Map([...values].map(([name, { values }]) => [name, values])))
    },
    async state() {
      const kept = method.specs.filter(({ name }) => method.keeps(name))
      const tensors = new Map([
        ...(await read(kept, '')),
        ...withPrefix(VELOCITY_PREFIX, await read(learnt.tensors, VELOCITY_PREFIX)),
      ])
      return { tensors, counters: method.counters() }
    },
    dispose: () => stepper.dispose(),
  }
}

/** The layout with a method's modules behind it. */
export function withModules(layout: Layout, { modules }: Method): Layout {
  return { ...layout, tensors: [...layout.tensors, ...(modules?.specs ?? [])] }
}

function without({ tensors }: Layout, specs: readonly TensorSpec[]): TensorSpec[] {
  const names = new Set(specs.map(({ name }) => name))
  return tensors.filter(({ name }) => !names.has(name))
}

function pick({ tensors }: Layout, weights: Weights): Weights {
  return new Map(tensors.map(({ name }) => [name, weights.get(name) ?? new Float32Array()]))
}

/** What {@link Training.state} of a training that has made no step would be. */
export function untouchedState(method: Method, velocities: Weights): MethodState {
  const kept = [...method.weights()].filter(([name]) => method.keeps(name))
  return {
    tensors: new Map([...kept, ...withPrefix(VELOCITY_PREFIX, velocities)]),
    counters: method.counters(),
  }
}

/** The velocities in a state. */
export function velocitiesOf({ tensors }: MethodState): Map<string, Float32Array> {
  return withoutPrefix(VELOCITY_PREFIX, tensors)
}

function batchFeeds({ images, labels, size }: TileBatch, sizePx: number, learningRate: number): NamedValues {
  return new Map<string, Values>([
    [FEEDS.images, { shape: [size, sizePx, sizePx, 3], values: images }],
    [FEEDS.labels, { shape: [size], values: labels }],
    [FEEDS.learningRate, scalar(learningRate)],
  ])
}

function scalar(value: number): Values {
  return { shape: [], values: Float32Array.of(value) }
}

function metricsOf(outputs: ReadonlyMap<string, Float32Array | Int32Array>, seen: number): StepMetrics {
  const part = (name: string): number | null => outputs.get(name)?.[0] ?? null
  const loss = part('loss') ?? Number.NaN
  if (!Number.isFinite(loss)) {
    throw new TesseraError(
      'ERR_TRAINING_DIVERGED',
      `loss must stay finite, got ${loss}; a lower learning rate may help`,
    )
  }
  return {
    loss,
    ce: part('ce') ?? Number.NaN,
    kl: part('kl'),
    nce: part('nce'),
    correct: part('correct') ?? 0,
    seen,
  }
}
