/**
 * @file One MoMA step after the backbones: the teacher's side, which carries no gradient, and the student's loss.
 *
 *   L = a·CE + b·T²·KL(teacher‖student) + c·NCE([q·k, q·queue]/τ)
 *
 * Source: Vuong and Kwak, Medical Image Analysis 2024, https://arxiv.org/abs/2308.16561, and the authors' `helper/loops_moma.py` with
 * `--head mlp --attn self`. Key and queue attention carry no gradient there, so they stay as initialised; so they do here.
 */
import * as tf from '@tensorflow/tfjs-core'
import { type BatchAttention, batchAttention } from './batch-attention.ts'
import { contrastLogits, contrastLoss } from './contrast-loss.ts'
import { crossEntropy } from './cross-entropy.ts'
import { klDivergence } from './kl-divergence.ts'
import { type ProjectionHead, projectionHead } from './projection-head.ts'

export interface MomaSettings {
  readonly heads: number
  /** τ of the contrast. */
  readonly temperature: number
  /** T of the KL term. */
  readonly klTemperature: number
  readonly weights: { readonly ce: number; readonly kl: number; readonly nce: number }
}

/** The teacher's side of a step. */
export interface KeySide {
  readonly head: ProjectionHead // already moved by momentum
  /** Null: none, the head's rows as they are. */
  readonly attentionKey: BatchAttention | null
  readonly attentionQueue: BatchAttention | null
}

/** The student's side of a step: what gradients are taken of. */
export interface QuerySide {
  readonly features: tf.Tensor2D // [B, D]
  readonly logits: tf.Tensor2D // [B, N]
  readonly head: ProjectionHead
  readonly attention: BatchAttention | null
}

/** What the student's side is held against: constants of the step. */
export interface Targets {
  readonly labels: tf.Tensor1D // [B] int32
  /** [B, N], or null when there is no KL term: another task, or weight 0. */
  readonly teacherLogits: tf.Tensor2D | null
  readonly key: tf.Tensor2D // [B, C]
  /** [K, C] before this batch; null: a tile is told apart from the batch's other keys. */
  readonly queue: tf.Tensor2D | null
}

/** A step's loss and its parts, unweighted. A part that the step does not have is null. */
export interface LossParts {
  readonly total: tf.Scalar
  readonly ce: tf.Scalar
  readonly kl: tf.Scalar | null
  readonly nce: tf.Scalar | null
}

/**
 * Returns the batch's keys and the rows that enter the queue after the step, both [B, C]: one head, two attentions.
 * @param features [B, D] of the updated teacher.
 */
export function keyFeatures(
  features: tf.Tensor2D,
  { head, attentionKey, attentionQueue }: KeySide,
  heads: number,
): { key: tf.Tensor2D; entering: tf.Tensor2D } {
  return tf.tidy(() => {
    const projected = projectionHead(features, head)
    return {
      key: attended(projected, attentionKey, heads),
      entering: attended(projected, attentionQueue, heads),
    }
  })
}

/**
 * Returns the step's loss, the query [B, C] after attention, and the contrast's logits [B, 1+K], [B, 1+B] without a queue.
 * Call it inside a gradient or tf.tidy, which frees what lies between.
 */
export function momaLoss(
  { features, logits, head, attention }: QuerySide,
  { labels, teacherLogits, key, queue }: Targets,
  { heads, temperature, klTemperature, weights }: MomaSettings,
): LossParts & { query: tf.Tensor2D; contrast: tf.Tensor2D } {
  const query = attended(projectionHead(features, head), attention, heads)
  const contrast = contrastLogits({ query, key, queue }, temperature)
  const ce = crossEntropy(logits, labels)
  const kl = teacherLogits && klDivergence(logits, teacherLogits, klTemperature)
  const nce = contrastLoss(contrast)
  const total = weightedSum([
    [ce, weights.ce],
    [kl, weights.kl],
    [nce, weights.nce],
  ])
  return { total, ce, kl, nce, query, contrast }
}

function attended(rows: tf.Tensor2D, attention: BatchAttention | null, heads: number): tf.Tensor2D {
  return attention ? batchAttention(rows, attention, heads) : rows.clone()
}

/** Returns Σ weight·term over the terms that are there. */
export function weightedSum(terms: readonly (readonly [tf.Scalar | null, number])[]): tf.Scalar {
  return tf.tidy(() => {
    const present = terms.flatMap(([term, weight]) => (term ? [tf.mul<tf.Scalar>(term, weight)] : []))
    return tf.addN(present)
  })
}
