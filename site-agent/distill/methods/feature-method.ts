/**
 * @file What methods on the pooled features have in common:  L = a·CE + b·T²·KL(teacher‖student) + (their own term), the teacher frozen
 * and by its running statistics.
 */
import type * as tf from '@tensorflow/tfjs-core'
import type { TensorMap } from '@tessera/shared/engine'
import type { LossParts } from '../moma-step.ts'
import type { Teacher } from '../teacher.ts'
import { type Method, type MethodStep, STATELESS, type StepBatch, type StepInputs } from './method.ts'
import { type LossSettings, type WeightedTerms, weightedLoss } from './weighted-loss.ts'

/** Both sides' features of a batch. */
export interface FeaturePair {
  readonly student: tf.Tensor2D // [B, D]
  readonly teacher: tf.Tensor2D // [B, E], a constant
}

/**
 * Builds a method that keeps nothing.
 * @param usesLogits False when there is no KL term: a teacher of another task, or weight 0.
 */
export function createFeatureMethod(
  settings: LossSettings,
  teacher: Teacher,
  usesLogits: boolean,
  terms: (features: FeaturePair) => WeightedTerms,
): Method {
  return {
    ...STATELESS,
    specs: teacher.specs,
    weights: () => teacher.weights,
    feeds: (batch, sizePx) => teacher.feeds(batch, sizePx),
    begin: (batch, inputs) => ({
      ...beginFeatureStep(settings, teacher, usesLogits, { batch, inputs }, (features) => ({
        terms: terms(features),
        nce: null,
      })),
      next: () => new Map(),
    }),
  }
}

/** Starts a step: the teacher answers, and the loss waits for the student. `nce`: what of the own part is a contrast, for the metrics. */
export function beginFeatureStep(
  settings: LossSettings,
  teacher: Teacher,
  usesLogits: boolean,
  { batch, inputs }: { readonly batch: StepBatch; readonly inputs: StepInputs },
  own: (features: FeaturePair, student: TensorMap) => { terms: WeightedTerms; nce: LossParts['nce'] },
): Pick<MethodStep, 'loss'> {
  const answers = teacher.answers(batch.images, inputs)
  const teacherLogits = usesLogits ? answers.logits : null
  return {
    loss({ features, logits }, student) {
      const { terms, nce } = own({ student: features, teacher: answers.features }, student)
      return weightedLoss(settings, { logits, labels: batch.labels, teacherLogits }, terms, nce)
    },
  }
}
