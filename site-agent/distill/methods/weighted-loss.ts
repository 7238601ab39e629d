/** @file The loss of every method with a frozen teacher:  L = a·CE + b·T²·KL(teacher‖student) + (the method's own terms). */
import type * as tf from '@tensorflow/tfjs-core'
import { crossEntropy } from '../cross-entropy.ts'
import { klDivergence } from '../kl-divergence.ts'
import { type LossParts, weightedSum } from '../moma-step.ts'

export interface LossSettings {
  readonly weights: { readonly ce: number; readonly kl: number }
  /** T of the KL term. */
  readonly klTemperature: number
}

/** A method's own part of the loss: terms with their weights. */
export type WeightedTerms = readonly (readonly [tf.Scalar, number])[]

/** What every method's terms are about. */
export interface Answers {
  readonly logits: tf.Tensor2D // [B, N] of the student
  readonly labels: tf.Tensor1D // [B] int32
  /** [B, N], or null when there is no KL term: another task, or weight 0. */
  readonly teacherLogits: tf.Tensor2D | null
}

/** @param nce What of the own terms is a contrast, for the metrics. */
export function weightedLoss(
  { weights, klTemperature }: LossSettings,
  { logits, labels, teacherLogits }: Answers,
  terms: WeightedTerms = [],
  nce: LossParts['nce'] = null,
): LossParts {
  const ce = crossEntropy(logits, labels)
  const kl = teacherLogits && klDivergence(logits, teacherLogits, klTemperature)
  return { total: weightedSum([[ce, weights.ce], [kl, weights.kl], ...terms]), ce, kl, nce }
}
