/**
 * @file One training step as a pure function of tensors: the method's targets, the student's pass and its gradients, the optimiser, the
 * method's end of the step.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { StepFunction } from '@tessera/shared/engine'
import { forward, type Network } from '@tessera/shared/model/network'
import type { Method, MethodStep, StepBatch } from './methods/method.ts'
import { fixedFeatures, type ModelContrast, modelContrastLoss, PREVIOUS_PREFIX } from './model-contrast.ts'
import { withProximal } from './proximal.ts'
import { sgdStep } from './sgd.ts'
import { tensorOf, withoutPrefix, withPrefix } from './tensor-map.ts'

/** Before the names of the student's tensors and their velocities in a step's state. */
export const STUDENT_PREFIX = 'student.'
export const VELOCITY_PREFIX = 'velocity.'
/** Before those of the student that the round began with, where there is a proximal or a model-contrastive term. */
export const ANCHOR_PREFIX = 'anchor.'

/** Names of what every step is fed; beside them the masks of `drawNoise` and what the method's `feeds` gives. */
export const FEEDS = {
  images: 'images',
  labels: 'labels',
  learningRate: 'learningRate',
  contrast: 'modelContrast',
} as const

export interface StepOptions {
  readonly network: Network
  readonly method: Method
  readonly momentum: number
  readonly weightDecay: number
  /** μ of the proximal term; 0: none. */
  readonly proximal: number
  /** The model-contrastive term; null: none. Its weight is fed: a site's first round has weight 0. */
  readonly contrast: ModelContrast | null
}

/** Adds the local term to a method's loss, for the gradient. */
type LocalTerm = (loss: tf.Scalar, features: tf.Tensor2D) => tf.Scalar

/** What the student's pass gives besides its gradients. Kept by hand: a gradient frees all that its function does not return. */
interface PassOutputs {
  readonly statistics: ReadonlyMap<string, tf.Tensor>
  readonly outputs: ReadonlyMap<string, tf.Tensor>
}

/**
 * Builds the step. Its outputs are scalars: `loss`, `ce`, `kl` and `nce` where the method has them, and `correct`, the tiles whose label the
 * student's pass had right.
 */
export function trainingStep({
  network,
  method,
  momentum,
  weightDecay,
  proximal,
  contrast,
}: StepOptions): StepFunction {
  return (state, feeds) => {
    const student = withoutPrefix(STUDENT_PREFIX, state)
    const velocities = withoutPrefix(VELOCITY_PREFIX, state)
    const batch: StepBatch = {
      images: tensorOf(feeds, FEEDS.images) as tf.Tensor4D,
      labels: tensorOf(feeds, FEEDS.labels) as tf.Tensor1D,
    }
    const step = method.begin(batch, { state, student, feeds })
    const withLocalTerm: LocalTerm = contrast
      ? modelContrastTerm(network, contrast, state, batch, tensorOf(feeds, FEEDS.contrast) as tf.Scalar)
      : (loss) => loss
    const names = [...velocities.keys()]
    let pass: PassOutputs | null = null
    const lossOf = (...tensors: tf.Tensor[]): tf.Scalar => {
      const own = new Map([...student, ...zip(names, tensors)])
      const { total, features, ...outputs } = studentPass(
        network,
        step,
        own,
        batch,
        feeds,
        method.readsMaps ?? false,
      )
      pass = outputs
      return withLocalTerm(total, features)
    }
    const ownGradients = new Map(zip(names, tf.grads(lossOf)(names.map((name) => tensorOf(student, name)))))
    // The method's modules have no anchor: there is none in the federation.
    const anchors = proximal > 0 ? withoutPrefix(ANCHOR_PREFIX, state) : new Map<string, tf.Tensor>()
    const anchored = new Map([...ownGradients].filter(([name]) => anchors.has(name)))
    const gradients = new Map([...ownGradients, ...withProximal(anchored, student, anchors, proximal)])
    const { statistics, outputs } = pass as unknown as PassOutputs
    const learningRate = tensorOf(feeds, FEEDS.learningRate) as tf.Scalar
    const moved = sgdStep(student, velocities, gradients, {
      learningRate,
      momentum,
      weightDecay,
    })
    return {
      next: new Map([
        ...withPrefix(STUDENT_PREFIX, moved.weights),
        ...withPrefix(STUDENT_PREFIX, statistics),
        ...withPrefix(VELOCITY_PREFIX, moved.velocities),
        ...step.next(),
      ]),
      outputs,
    }
  }
}

function studentPass(
  network: Network,
  step: MethodStep,
  own: ReadonlyMap<string, tf.Tensor>,
  { images, labels }: StepBatch,
  noise: ReadonlyMap<string, tf.Tensor>,
  maps: boolean,
): PassOutputs & { total: tf.Scalar; features: tf.Tensor2D } {
  const result = forward(network, own as Map<string, tf.Tensor>, images, {
    training: true,
    noise,
    maps,
  })
  const { total, ce, kl, nce } = step.loss(result, own)
  const right = tf.equal(tf.cast(tf.argMax(result.logits, 1), 'int32'), labels)
  const outputs = new Map<string, tf.Tensor>([
    ['loss', total],
    ['ce', ce],
    ...(kl ? [['kl', kl] as const] : []),
    ...(nce ? [['nce', nce] as const] : []),
    ['correct', tf.sum(tf.cast(right, 'float32'))],
  ])
  for (const tensor of [...result.statistics.values(), ...outputs.values()]) tf.keep(tensor)
  return { total, features: result.features, statistics: result.statistics, outputs }
}

function modelContrastTerm(
  network: Network,
  { temperature }: ModelContrast,
  state: ReadonlyMap<string, tf.Tensor>,
  { images }: StepBatch,
  weight: tf.Scalar,
): LocalTerm {
  const global = fixedFeatures(network, state, ANCHOR_PREFIX, images)
  const previous = fixedFeatures(network, state, PREVIOUS_PREFIX, images)
  return (loss, features) =>
    tf.add(loss, tf.mul(weight, modelContrastLoss(features, global, previous, temperature)))
}

function zip<T>(names: readonly string[], values: readonly T[]): [string, T][] {
  return names.map((name, i) => [name, values[i] as T])
}
