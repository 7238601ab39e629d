/**
 * @file CRD as a method of training:  L = a·CE + b·T²·KL + c·(student against the teacher's memory + teacher against the student's).
 *
 * Both sides' features pass through a linear layer of their own, `student_embed` and `teacher_embed`, which are learnt, and are brought to unit
 * length. Source: Tian, Krishnan and Isola, ICLR 2020, https://arxiv.org/abs/1910.10699; defaults are RepDistiller's.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { TensorMap } from '@tessera/shared/engine'
import type { CrdMethod, Study } from '@tessera/shared/protocol'
import { crdLoss, negativeWeights } from '../crd-loss.ts'
import { linear, linearOf } from '../linear.ts'
import type { Teacher } from '../teacher.ts'
import { tensorOf } from '../tensor-map.ts'
import { unitRows } from '../unit-rows.ts'
import { crdMemory, drawTiles, MEMORY, MEMORY_FEEDS, memoryFeeds, remembered } from './crd-memory.ts'
import { beginFeatureStep } from './feature-method.ts'
import type { Method, MethodState } from './method.ts'
import type { WeightedTerms } from './weighted-loss.ts'

export interface CrdOptions {
  readonly study: Study
  readonly settings: CrdMethod
  readonly teacher: Teacher
  /** False when there is no KL term. */
  readonly usesLogits: boolean
  /** Class of each of the site's tiles. */
  readonly labels: Int32Array
  readonly state: MethodState | null
}

/** @throws {TesseraError} ERR_DATA_FOLDER if the site has more tiles than the memory may have rows. */
export function createCrd({ study, settings, teacher, usesLogits, labels, state }: CrdOptions): Method {
  const memory = crdMemory(settings, labels.length, study.seed, state)
  const own = new Set(memory.specs.map(({ name }) => name))
  let batches = state?.counters.crdBatches ?? 0
  return {
    specs: [...teacher.specs, ...memory.specs],
    weights: () => new Map([...teacher.weights, ...memory.weights()]),
    keeps: (name) => own.has(name),
    async feeds(batch, sizePx) {
      const drawn = drawTiles(labels.length, memory.drawn, `${study.seed}/crd/${batches}`)
      batches++
      return new Map([...(await teacher.feeds(batch, sizePx)), ...memoryFeeds(batch.indices, drawn, labels)])
    },
    begin(batch, inputs) {
      const { state, feeds } = inputs
      const indices = tensorOf(feeds, MEMORY_FEEDS.own) as tf.Tensor1D
      const drawn = tensorOf(feeds, MEMORY_FEEDS.drawn) as tf.Tensor1D
      const weights = negativeWeights(batch.labels, tensorOf(feeds, MEMORY_FEEDS.drawnLabels) as tf.Tensor1D)
      const scales = tf.unstack(tensorOf(state, MEMORY.scale)) as [tf.Scalar, tf.Scalar]
      const memories = {
        student: tensorOf(state, MEMORY.student) as tf.Tensor2D,
        teacher: tensorOf(state, MEMORY.teacher) as tf.Tensor2D,
      }
      const rows = (of: tf.Tensor2D) => ({ own: tf.gather(of, indices), drawn: tf.gather(of, drawn) })
      const against = { student: rows(memories.teacher), teacher: rows(memories.student) }
      // Of the student's pass, for what is remembered. Kept by hand: a gradient frees all that its function does not return.
      let after: tf.Tensor[] = []

      const contrast = (pair: { student: tf.Tensor2D; teacher: tf.Tensor2D }, learnt: TensorMap) => {
        const embedded = {
          student: unitRows(linear(pair.student, linearOf(learnt, 'student_embed'))),
          teacher: unitRows(linear(pair.teacher, linearOf(learnt, 'teacher_embed'))),
        }
        const [s, t] = (['student', 'teacher'] as const).map((side, i) =>
          crdLoss(
            { features: embedded[side], ...against[side], weights },
            labels.length,
            settings.temperature,
            scales[i] as tf.Scalar,
          ),
        ) as [ReturnType<typeof crdLoss>, ReturnType<typeof crdLoss>]
        after = [embedded.student, embedded.teacher, s.scale, t.scale].map((tensor) => tf.keep(tensor))
        const nce = tf.add<tf.Scalar>(s.loss, t.loss)
        return { terms: [[nce, settings.weights.crd]] satisfies WeightedTerms, nce }
      }
      return {
        ...beginFeatureStep(settings, teacher, usesLogits, { batch, inputs }, contrast),
        next() {
          const [student, teacher, ofStudent, ofTeacher] = after as [
            tf.Tensor2D,
            tf.Tensor2D,
            tf.Scalar,
            tf.Scalar,
          ]
          const moved = new Map<string, tf.Tensor>([
            [MEMORY.student, remembered(memories.student, indices, student, settings.memoryMomentum)],
            [MEMORY.teacher, remembered(memories.teacher, indices, teacher, settings.memoryMomentum)],
            [MEMORY.scale, tf.stack([ofStudent, ofTeacher])],
          ])
          tf.dispose(after)
          return moved
        },
      }
    },
    counters: () => ({ crdBatches: batches }),
  }
}
