/**
 * @file MoMA as a method of training: the teacher's side of each step, the queue, and what of it a site keeps between rounds.
 *
 * Order of a step, as in the authors' `helper/loops_moma.py`: teacher logits, momentum, key features by the moved teacher, the
 * student's loss against the queue as it was, optimiser, queue. Differs: teacher logits always by running statistics (docs/fidelity.md).
 */
import * as tf from '@tensorflow/tfjs-core'
import { batchAttentionOf } from '../batch-attention.ts'
import { enqueue } from '../feature-queue.ts'
import { keyFeatures, type MomaSettings, momaLoss } from '../moma-step.ts'
import { momentumUpdate } from '../momentum-update.ts'
import { projectionHeadOf } from '../projection-head.ts'
import { readWeights, replaceTensors, withPrefix } from '../tensor-map.ts'
import type { Method } from './method.ts'
import { type MomaParts, TEACHER_PREFIX } from './moma-parts.ts'

/** @param settings `momentum`: of the teacher, per step. */
export function createMoma(settings: MomaSettings & { readonly momentum: number }, parts: MomaParts): Method {
  const { heads, momentum } = settings
  const { teacher, followed, head, attentions, usesLogits } = parts
  const keySide = {
    attentionKey: batchAttentionOf(attentions, 'attention_key'),
    attentionQueue: batchAttentionOf(attentions, 'attention_queue'),
  }
  let { queue, queueIndex } = parts
  for (const tensor of [queue, ...head.tensors.values(), ...attentions.values()]) tf.keep(tensor)

  return {
    begin({ images, labels }, student) {
      const teacherLogits = usesLogits ? teacher.logits(images) : null
      teacher.follow(student, followed, momentum)
      replaceTensors(head.tensors, momentumUpdate(head.tensors, student, head.pairs, momentum))
      const { key, entering } = keyFeatures(
        teacher.features(images),
        { head: projectionHeadOf(head.tensors, head.name), ...keySide },
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
        ...withPrefix(TEACHER_PREFIX, readWeights(teacher.network.layout, teacher.params)),
        ...readWeights(head.layout, head.tensors),
        ['queue', queue.dataSync<'float32'>().slice()],
      ]),
      counters: { queueIndex },
    }),
    dispose() {
      teacher.dispose()
      tf.dispose([queue, ...head.tensors.values(), ...attentions.values()])
    },
  }
}
