/** @file What MoMA starts from at a site: from the study's seed in its first round, from the site's own state afterwards. */
import { TensorShapeError, TesseraError } from '@tessera/shared/errors'
import {
  attentionTensors,
  featureWidth,
  headTensors,
  initialWeights,
  isClassifierTensor,
  type Layout,
  type TensorSpec,
  teacherLayout,
  type Weights,
} from '@tessera/shared/model'
import type { MomaMethod, Study } from '@tessera/shared/protocol'
import { initialQueue } from '../feature-queue.ts'
import type { GlobalTeacher } from '../global-teacher.ts'
import type { MomentumPair } from '../momentum-update.ts'
import { TEACHER_PREFIX, type Teacher } from '../teacher.ts'
import { withoutPrefix } from '../tensor-map.ts'
import type { MethodState } from './method.ts'

/** Names of the teacher's projection head and of the two attentions that are never moved. */
export const HEAD = 'teacher_head'
export const ATTENTION_KEY = 'attention_key'
export const ATTENTION_QUEUE = 'attention_queue'

/** The attentions that a site holds besides the student's, by how the study attends. */
const FIXED_ATTENTIONS: { readonly [A in MomaMethod['attention']]: readonly string[] } = {
  self: [ATTENTION_KEY, ATTENTION_QUEUE],
  shared: [ATTENTION_KEY],
  none: [],
}

/** Tensors with their values, in PyTorch's element order. */
interface Part {
  readonly specs: readonly TensorSpec[]
  readonly weights: Weights
}

/** The teacher's projection head. */
export interface TeacherHead extends Part {
  /** Which of its tensors follow which of the student's. */
  readonly pairs: readonly MomentumPair[]
}

/** What MoMA holds at a site. */
export interface MomaParts {
  readonly teacher: Teacher
  readonly head: TeacherHead
  /** `attention_key.*` and `attention_queue.*`, where there are any. Never moved: no gradient reaches them, in the published code as here. */
  readonly attentions: Part
  /** Null: the batch's other keys are what a tile is told apart from. */
  readonly queue: FeatureQueue | null
  /** Row that the next batch enters at. */
  readonly queueIndex: number
  /** Of a teacher that follows the published students, backbone and head; null: it follows in each step, or not at all. */
  readonly global: GlobalTeacher | null
  /** False when there is no KL term: another task, or weight 0. It saves the teacher's pass in eval mode. */
  readonly usesLogits: boolean
}

export interface FeatureQueue {
  readonly spec: TensorSpec // [K, C]
  /** Its rows at the start. */
  readonly rows: () => Float32Array
}

/** The queue's tensor with given rows. @throws {TensorShapeError} If they do not fill it. */
export function filledQueue(size: number, featureDim: number, rows: Float32Array): FeatureQueue {
  if (rows.length !== size * featureDim) {
    throw new TensorShapeError('queue', [size, featureDim], [rows.length])
  }
  return { spec: queueSpec(size, featureDim), rows: () => rows }
}

function queueSpec(size: number, featureDim: number): TensorSpec {
  return { name: 'queue', shape: [size, featureDim], kind: 'local-only' }
}

/**
 * @param teacher Already at the weights of `state` when there is one.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH, {TensorShapeError} if the state does not fit the study.
 */
export function momaParts(
  study: Study,
  settings: MomaMethod,
  teacher: Teacher,
  state: MethodState | null,
): MomaParts {
  const { featureDim, weights } = settings
  const width = teacher.featureWidth
  const head = teacherHead(width, featureDim, width === featureWidth(study.student), (layout) =>
    // Its own random weights, not a copy of the student's: so the published code starts it.
    state
      ? new Map(layout.tensors.map(({ name }) => [name, stored(state, name)]))
      : initialWeights(layout, `${study.seed}/site`),
  )
  const isGlobal = study.teacher?.momentum === 'global'
  return {
    teacher,
    head: isGlobal ? { ...head, pairs: [] } : head,
    global: isGlobal
      ? { pairs: [...publishedPairs(study), ...head.pairs], momentum: settings.momentum }
      : null,
    attentions: fixedAttentions(
      featureDim,
      (layout) => initialWeights(layout, `${study.seed}/site`),
      FIXED_ATTENTIONS[settings.attention],
    ),
    queue: settings.negatives === 'queue' ? featureQueue(study, settings, state) : null,
    queueIndex: (state?.counters.queueIndex ?? 0) % settings.queueSize,
    usesLogits: study.teacher?.task === 'same' && weights.kl > 0,
  }
}

/** Of the teacher's network, running statistics too; its classifier only when it is for the same classes. */
function publishedPairs(study: Study): MomentumPair[] {
  return teacherLayout(study)
    .tensors.filter(
      ({ kind, name }) => kind !== 'counter' && (!isClassifierTensor(name) || study.teacher?.task === 'same'),
    )
    .map(({ name }) => ({ teacher: `${TEACHER_PREFIX}${name}`, student: name }))
}

function featureQueue(
  { seed }: Study,
  { queueSize, featureDim }: MomaMethod,
  state: MethodState | null,
): FeatureQueue {
  if (state) return filledQueue(queueSize, featureDim, stored(state, 'queue'))
  return { spec: queueSpec(queueSize, featureDim), rows: () => initialQueue(queueSize, featureDim, seed) }
}

/** The teacher's backbone and classifier in a state, or null when it holds none. */
export function teacherWeightsOf(state: MethodState | null): Weights | null {
  const weights = withoutPrefix(TEACHER_PREFIX, state?.tensors ?? new Map())
  return weights.size > 0 ? weights : null
}

/**
 * Builds the teacher's head.
 * @param follows False when student and teacher have features of different widths: their heads then have different shapes, and the
 * teacher's stays as it is.
 */
export function teacherHead(
  width: number,
  featureDim: number,
  follows: boolean,
  weightsOf: (layout: Layout) => Weights,
): TeacherHead {
  const layout: Layout = { architecture: HEAD, tensors: headTensors(HEAD, width, featureDim) }
  const pairs = layout.tensors.map(({ name }) => ({
    teacher: name,
    student: name.replace(HEAD, 'student_head'),
  }))
  return { specs: layout.tensors, weights: weightsOf(layout), pairs: follows ? pairs : [] }
}

/** Builds the attentions of key and queue. @param names Which of them there are. */
export function fixedAttentions(
  featureDim: number,
  weightsOf: (layout: Layout) => Weights,
  names: readonly string[] = FIXED_ATTENTIONS.self,
): Part {
  const tensors = names.flatMap((name) => attentionTensors(name, featureDim))
  return { specs: tensors, weights: weightsOf({ architecture: 'fixed attentions', tensors }) }
}

function stored({ tensors }: MethodState, name: string): Float32Array {
  const values = tensors.get(name)
  if (!values)
    throw new TesseraError('ERR_LAYOUT_MISMATCH', `local state must have ${name}, got none of that name`)
  return values
}
