/**
 * @file MoMA as a method of training: the teacher's side of each step, the queue, and what of it a site keeps between rounds.
 *
 * Order of a step, as in the authors' `helper/loops_moma.py`: teacher logits, momentum, key features by the moved teacher, the
 * student's loss against the queue as it was, optimiser, queue. Differs: teacher logits always by running statistics (docs/fidelity.md).
 */
import * as tf from '@tensorflow/tfjs-core'
import { TensorShapeError } from '@tessera/shared/errors'
import {
  attentionTensors,
  featureWidth,
  headTensors,
  initialWeights,
  type Layout,
  sameArchitecture,
} from '@tessera/shared/model'
import { toParams } from '@tessera/shared/model/network'
import type { MomaMethod, Study } from '@tessera/shared/protocol'
import { batchAttentionOf } from '../batch-attention.ts'
import { enqueue, initialQueue } from '../feature-queue.ts'
import { keyFeatures, momaLoss } from '../moma-step.ts'
import { momentumUpdate } from '../momentum-update.ts'
import { projectionHeadOf } from '../projection-head.ts'
import type { Teacher } from '../teacher.ts'
import { readWeights, replaceTensors, withoutPrefix, withPrefix } from '../tensor-map.ts'
import type { Method, MethodState } from './method.ts'

const HEAD = 'teacher_head'
const TEACHER = 'teacher.'

/**
 * @param teacher Freed with the method; already at the weights of `state` when there is one.
 * @param state Of an earlier {@link Method.state} of the same study, or null at the site's first round.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH, {TensorShapeError} if the state is another study's.
 */
export function createMoma(
  study: Study,
  settings: MomaMethod,
  teacher: Teacher,
  state: MethodState | null,
): Method {
  const { featureDim, queueSize, heads, momentum } = settings
  const { network } = teacher
  const followsBackbone = followedNames(study, teacher)
  const headLayout = headLayoutOf(study, settings, teacher)
  const head = toParams(headLayout, headWeights(study, headLayout, state))
  const headPairs =
    featureWidth(study.student) === featureWidth(network.architecture)
      ? headLayout.tensors.map(({ name }) => ({ teacher: name, student: name.replace(HEAD, 'student_head') }))
      : []
  // Neither is ever moved: no gradient reaches them, in the published code as here.
  const fixed = toParams(...fixedAttentions(study, featureDim))
  const keySide = {
    attentionKey: batchAttentionOf(fixed, 'attention_key'),
    attentionQueue: batchAttentionOf(fixed, 'attention_queue'),
  }
  let queue = tf.keep(queueTensor(study, settings, state))
  let queueIndex = (state?.counters.queueIndex ?? 0) % queueSize
  for (const tensor of [...head.values(), ...fixed.values()]) tf.keep(tensor)
  const usesLogits = study.teacher?.task === 'same' && settings.weights.kl > 0

  return {
    begin({ images, labels }, student) {
      const teacherLogits = usesLogits ? teacher.logits(images) : null
      teacher.follow(student, followsBackbone, momentum)
      replaceTensors(head, momentumUpdate(head, student, headPairs, momentum))
      const { key, entering } = keyFeatures(
        teacher.features(images),
        { head: projectionHeadOf(head, HEAD), ...keySide },
        heads,
      )
      return {
        loss: ({ features, logits }, own) =>
          momaLoss(
            {
              features,
              logits,
              head: projectionHeadOf(own, 'student_head'),
              attention: batchAttentionOf(own, 'attention_query'),
            },
            { labels, teacherLogits, key, queue },
            settings,
          ),
        finish() {
          const moved = enqueue(queue, entering, queueIndex)
          queue.dispose()
          queue = tf.keep(moved.queue)
          queueIndex = moved.nextIndex
        },
      }
    },
    state: () => ({
      tensors: new Map([
        ...withPrefix(TEACHER, readWeights(network.layout, teacher.params)),
        ...readWeights(headLayout, head),
        ['queue', queue.dataSync<'float32'>().slice()],
      ]),
      counters: { queueIndex },
    }),
    dispose() {
      teacher.dispose()
      tf.dispose([queue, ...head.values(), ...fixed.values()])
    },
  }
}

/** The teacher's weights in a state, or null when there are none. */
export function teacherOf(state: MethodState | null): Map<string, Float32Array> | null {
  if (!state) return null
  const weights = withoutPrefix(TEACHER, state.tensors)
  return weights.size > 0 ? weights : null
}

/** Parameters of the teacher that follow the student: all of them, but the classifier only when it is for the same classes. */
function followedNames(study: Study, { network }: Teacher): string[] {
  if (study.teacher?.momentum !== 'site' || !sameArchitecture(study.student, network.architecture)) return []
  return network.layout.tensors
    .filter(({ kind, name }) => {
      const shared = !name.startsWith('classifier.') || study.teacher?.task === 'same'
      return kind === 'trainable' && shared
    })
    .map(({ name }) => name)
}

function headLayoutOf(study: Study, { featureDim }: MomaMethod, { network }: Teacher): Layout {
  const tensors = headTensors(HEAD, featureWidth(network.architecture), featureDim)
  return { architecture: `${study.id} ${HEAD}`, tensors }
}

/** The teacher's head starts with its own random weights, not as a copy of the student's: so it does in the published code. */
function headWeights(study: Study, layout: Layout, state: MethodState | null): Map<string, Float32Array> {
  if (!state) return new Map(initialWeights(layout, `${study.seed}/site`))
  return new Map(layout.tensors.map(({ name }) => [name, state.tensors.get(name) ?? new Float32Array()]))
}

function fixedAttentions(study: Study, featureDim: number): [Layout, ReadonlyMap<string, Float32Array>] {
  const tensors = ['attention_key', 'attention_queue'].flatMap((name) => attentionTensors(name, featureDim))
  const layout = { architecture: `${study.id} fixed attentions`, tensors }
  return [layout, initialWeights(layout, `${study.seed}/site`)]
}

function queueTensor(
  study: Study,
  { queueSize, featureDim }: MomaMethod,
  state: MethodState | null,
): tf.Tensor2D {
  const rows = state
    ? (state.tensors.get('queue') ?? new Float32Array())
    : initialQueue(queueSize, featureDim, study.seed)
  if (rows.length !== queueSize * featureDim)
    throw new TensorShapeError('queue', [queueSize, featureDim], [rows.length])
  return tf.tensor2d(rows.slice(), [queueSize, featureDim])
}
