/**
 * @file MoMA as a method of training: the teacher's side of each step, the queue, and what of it a site keeps between rounds.
 *
 * Order of a step, as in the authors' `helper/loops_moma.py`: teacher logits, momentum, key features by the moved teacher, the
 * student's loss against the queue as it was, optimiser, queue. Differs: teacher logits always by running statistics (docs/fidelity.md).
 */
import type * as tf from '@tensorflow/tfjs-core'
import { enqueue, type TensorMap, type Values } from '@tessera/shared/engine'
import { type BatchAttention, batchAttentionOf } from '../batch-attention.ts'
import { keyFeatures, type MomaSettings, momaLoss } from '../moma-step.ts'
import { momentumUpdate } from '../momentum-update.ts'
import { projectionHeadOf } from '../projection-head.ts'
import { type NamedTensors, tensorOf } from '../tensor-map.ts'
import type { Method } from './method.ts'
import { ATTENTION_KEY, ATTENTION_QUEUE, HEAD, type MomaParts } from './moma-parts.ts'

const QUEUE_INDEX = 'queueIndex'

/** @param settings `momentum`: of the teacher's head, per step. */
export function createMoma(settings: MomaSettings & { readonly momentum: number }, parts: MomaParts): Method {
  const { heads, momentum } = settings
  const { teacher, head, attentions, queue, global, usesLogits } = parts
  const K = queue?.spec.shape[0] ?? 1
  const has = (attention: string): boolean => attentions.weights.has(`${attention}.qkv.weight`)
  const attentionOf = (tensors: NamedTensors, name: string): BatchAttention | null =>
    has(ATTENTION_KEY) ? batchAttentionOf(tensors, name) : null
  let { queueIndex } = parts

  return {
    specs: [...teacher.specs, ...head.specs, ...attentions.specs, ...(queue ? [queue.spec] : [])],
    weights: () =>
      new Map([
        ...teacher.weights,
        ...head.weights,
        ...attentions.weights,
        ...(queue ? [[queue.spec.name, queue.rows()] as const] : []),
      ]),
    ...(global && { global }),
    keeps: (name) => !attentions.weights.has(name),
    async feeds(batch, sizePx) {
      if (!queue) return teacher.feeds(batch, sizePx)
      const index = { shape: [], values: Int32Array.of(queueIndex) }
      queueIndex = (queueIndex + batch.size) % K
      return new Map<string, Values>([...(await teacher.feeds(batch, sizePx)), [QUEUE_INDEX, index]])
    },
    begin({ images, labels }, inputs) {
      const { state, student, feeds } = inputs
      const teacherLogits = usesLogits ? teacher.logits(images, inputs) : null
      const asked = teacher.features(images, inputs)
      const movedHead = momentumUpdate(state, student, head.pairs, momentum)
      const { key, entering } = keyFeatures(
        asked.features,
        {
          head: projectionHeadOf(new Map([...state, ...movedHead]), HEAD),
          attentionKey: attentionOf(state, ATTENTION_KEY),
          attentionQueue: attentionOf(state, has(ATTENTION_QUEUE) ? ATTENTION_QUEUE : ATTENTION_KEY),
        },
        heads,
      )
      const before = queue && (tensorOf(state, queue.spec.name) as tf.Tensor2D)
      return {
        loss: ({ features, logits }, own) =>
          momaLoss(
            {
              features,
              logits,
              head: projectionHeadOf(own, 'student_head'),
              attention: attentionOf(own, 'attention_query'),
            },
            { labels, teacherLogits, key, queue: before },
            settings,
          ),
        next: (): TensorMap =>
          new Map<string, tf.Tensor>([
            ...asked.next,
            ...movedHead,
            ...(queue && before
              ? [
                  [
                    queue.spec.name,
                    enqueue(before, entering, tensorOf(feeds, QUEUE_INDEX) as tf.Scalar),
                  ] as const,
                ]
              : []),
          ]),
      }
    },
    counters: () => ({ queueIndex }),
  }
}
