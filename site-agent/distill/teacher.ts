/**
 * @file A teacher as a step sees it: its tensors in the step's state, what it is fed, and what it answers. Each takes no gradient.
 *
 * Two kinds: a network of ours in the step itself, which can follow the student ({@link networkTeacher}), and one that has answered before
 * the step ({@link fedTeacher}).
 */
import type * as tf from '@tensorflow/tfjs-core'
import type { NamedValues, TensorMap } from '@tessera/shared/engine'
import { featureWidth, type TensorSpec, type Weights } from '@tessera/shared/model'
import { forward, type Network } from '@tessera/shared/model/network'
import type { FrozenTeacher } from './frozen-teacher.ts'
import type { StepInputs } from './methods/method.ts'
import { momentumUpdate } from './momentum-update.ts'
import { tensorOf, withoutPrefix, withPrefix } from './tensor-map.ts'
import type { TileBatch } from './tiles.ts'

export interface Teacher {
  /** D */
  readonly featureWidth: number
  /** Its tensors in the state, and their values at the start. */
  readonly specs: readonly TensorSpec[]
  readonly weights: Weights
  feeds(batch: TileBatch, sizePx: number): Promise<NamedValues> | NamedValues
  /** [B, N], of the teacher before the step. */
  logits(images: tf.Tensor4D, inputs: StepInputs): tf.Tensor2D
  /** [B, D] and [B, N] of the teacher before the step, by running statistics in both: a teacher that only answers. */
  answers(images: tf.Tensor4D, inputs: StepInputs): TeacherAnswers
  /** [B, D], of the teacher after it has followed the student, and its tensors that changed. */
  features(images: tf.Tensor4D, inputs: StepInputs): { features: tf.Tensor2D; next: TensorMap }
}

export interface TeacherAnswers {
  readonly features: tf.Tensor2D
  /** Null for an ONNX teacher of another task. */
  readonly logits: tf.Tensor2D | null
}

/** Before the names of the teacher's tensors in a step's state. */
export const TEACHER_PREFIX = 'teacher.'

/** How a network of ours follows the student within a step. */
export interface Following {
  /** Names of its parameters that follow the student's of the same names. */
  readonly names: readonly string[]
  /** m of each step: teacher ← m · teacher + (1 − m) · student. */
  readonly momentum: number
  /** False: its running statistics stay as they are. */
  readonly gathersStatistics: boolean
}

/** A teacher that only answers, by running statistics. */
export const STILL: Following = { names: [], momentum: 1, gathersStatistics: true }

/**
 * A network that follows the student by momentum and gathers its own running statistics.
 *
 * Its logits use running statistics. Its features are those of a pass with the batch's statistics, which also moves the running ones:
 * authors' `helper/loops_moma.py`, `set_bn_train`. Dropout and stochastic depth stay off in both passes, as there.
 */
export function networkTeacher(
  network: Network,
  weights: Weights,
  { names, momentum, gathersStatistics }: Following,
): Teacher {
  const pairs = names.map((name) => ({ teacher: name, student: name }))
  const paramsOf = ({ state }: StepInputs): Map<string, tf.Tensor> => withoutPrefix(TEACHER_PREFIX, state)
  return {
    featureWidth: featureWidth(network.architecture),
    specs: network.layout.tensors.map((spec) => ({ ...spec, name: `${TEACHER_PREFIX}${spec.name}` })),
    weights: new Map(withPrefix(TEACHER_PREFIX, weights)),
    feeds: () => new Map(),
    logits: (images, inputs) => forward(network, paramsOf(inputs), images, { training: false }).logits,
    answers: (images, inputs) => forward(network, paramsOf(inputs), images, { training: false }),
    features(images, inputs) {
      const params = paramsOf(inputs)
      const moved = momentumUpdate(params, inputs.student, pairs, momentum)
      const pass = forward(network, new Map([...params, ...moved]), images, { training: true })
      const next = new Map<string, tf.Tensor>([...moved, ...(gathersStatistics ? pass.statistics : [])])
      return { features: pass.features, next: new Map(withPrefix(TEACHER_PREFIX, next)) }
    },
  }
}

const FED = { features: 'teacherFeatures', logits: 'teacherLogits' } as const

/**
 * A frozen teacher whose answers are computed before each step and fed.
 * @param reads Which of them the method reads: the others are not fed.
 */
export function fedTeacher(
  teacher: FrozenTeacher,
  reads: { readonly features: boolean; readonly logits: boolean },
): Teacher {
  return {
    featureWidth: teacher.featureWidth,
    specs: [],
    weights: new Map(),
    async feeds({ images, size }, sizePx) {
      const { features, logits } = await teacher.outputs(images, size, sizePx)
      const fed = (name: string, values: Float32Array) =>
        [name, { shape: [size, values.length / size], values }] as const
      return new Map([
        ...(reads.features ? [fed(FED.features, features)] : []),
        ...(reads.logits && logits ? [fed(FED.logits, logits)] : []),
      ])
    },
    logits: (_, { feeds }) => tensorOf(feeds, FED.logits) as tf.Tensor2D,
    answers: (_, { feeds }) => ({
      features: tensorOf(feeds, FED.features) as tf.Tensor2D,
      logits: (feeds.get(FED.logits) as tf.Tensor2D | undefined) ?? null,
    }),
    features: (_, { feeds }) => ({ features: tensorOf(feeds, FED.features) as tf.Tensor2D, next: new Map() }),
  }
}
