/**
 * @file MoMA as a method of training: the teacher's side of each step, the queue, and what of it a site keeps between rounds.
 *
 * Order of a step, as in the authors' `helper/loops_moma.py`: teacher logits, momentum, key features by the moved teacher, the
 * student's loss against the queue as it was, optimiser, queue. Differs: teacher logits always by running statistics (docs/fidelity.md).
 */
import type * as tf from '@tensorflow/tfjs-core'
import { enqueue, type TensorMap } from '@tessera/shared/engine'
import { forward } from '@tessera/shared/model/network'
import { batchAttentionOf } from '../batch-attention.ts'
import { keyFeatures, type MomaSettings, momaLoss } from '../moma-step.ts'
import { momentumUpdate } from '../momentum-update.ts'
import { projectionHeadOf } from '../projection-head.ts'
import { TEACHER_PREFIX, teacherPart } from '../teacher.ts'
import { tensorOf, withoutPrefix, withPrefix } from '../tensor-map.ts'
import type { Method } from './method.ts'
import { ATTENTION_KEY, ATTENTION_QUEUE, HEAD, type MomaParts } from './moma-parts.ts'

const QUEUE_INDEX = 'queueIndex'

/** @param settings `momentum`: of the teacher, per step. */
export function createMoma(settings: MomaSettings & { readonly momentum: number }, parts: MomaParts): Method {
  const { heads, momentum } = settings
  const { teacher, followed, head, attentions, queue, usesLogits } = parts
  const [K = 0] = queue.spec.shape
  const teacherPairs = followed.map((name) => ({ teacher: name, student: name }))
  let { queueIndex } = parts

  return {
    specs: [...teacherPart(teacher).specs, ...head.specs, ...attentions.specs, queue.spec],
    weights: new Map([
      ...teacherPart(teacher).weights,
      ...head.weights,
      ...attentions.weights,
      [queue.spec.name, queue.rows],
    ]),
    keeps: (name) => !attentions.weights.has(name),
    feeds({ size }) {
      const index = { shape: [], values: Int32Array.of(queueIndex) }
      queueIndex = (queueIndex + size) % K
      return new Map([[QUEUE_INDEX, index]])
    },
    begin({ images, labels }, { state, student, feeds }) {
      const params = withoutPrefix(TEACHER_PREFIX, state)
      const teacherLogits = usesLogits
        ? forward(teacher.network, params, images, { training: false }).logits
        : null
      const moved = momentumUpdate(params, student, teacherPairs, momentum)
      const movedHead = momentumUpdate(state, student, head.pairs, momentum)
      const pass = forward(teacher.network, new Map([...params, ...moved]), images, { training: true })
      const { key, entering } = keyFeatures(
        pass.features,
        {
          head: projectionHeadOf(new Map([...state, ...movedHead]), HEAD),
          attentionKey: batchAttentionOf(state, ATTENTION_KEY),
          attentionQueue: batchAttentionOf(state, ATTENTION_QUEUE),
        },
        heads,
      )
      const before = tensorOf(state, queue.spec.name) as tf.Tensor2D
      return {
        loss: ({ features, logits }, own) =>
          momaLoss(
            {
              features,
              logits,
              head: projectionHeadOf(own, 'student_head'),
              attention: batchAttentionOf(own, 'attention_query'),
            },
            { labels, teacherLogits, key, queue: before },
            settings,
          ),
        next: (): TensorMap =>
          new Map<string, tf.Tensor>([
            ...withPrefix(TEACHER_PREFIX, moved),
            ...withPrefix(TEACHER_PREFIX, pass.statistics),
            ...movedHead,
            [queue.spec.name, enqueue(before, entering, tensorOf(feeds, QUEUE_INDEX) as tf.Scalar)],
          ]),
      }
    },
    counters: () => ({ queueIndex }),
  }
}
