/**
 * @file Attention transfer: where the student looks is to be where the teacher looks, at every stage.
 *
 *   L = Σ over stages  mean (A(F) − A(G))²,   A(F) = a / max(‖a‖₂, 10⁻¹²),  aₚ = mean over channels of F²  at position p
 *
 * F, G: maps of a stage, student's and teacher's; their channels may differ in number. Means are over batch and positions.
 * Source: Zagoruyko and Komodakis, ICLR 2017, section 3.1, equation 2 with p = 2, https://arxiv.org/abs/1612.03928; mean for sum, all stages and
 * weight 1000 are RepDistiller's (`Attention`, `--distill attention`).
 */
import * as tf from '@tensorflow/tfjs-core'
import type { MapMethod } from '@tessera/shared/protocol'
import { squaredError } from '../squared-error.ts'
import { pairedStages } from '../stage-maps.ts'
import { unitRows } from '../unit-rows.ts'
import type { MapTerm } from './map-method.ts'

type AttentionTransferSettings = Extract<MapMethod, { name: 'attention-transfer' }>

export function attentionTransfer({ weights }: AttentionTransferSettings): MapTerm {
  return {
    weight: weights.attention,
    modules: [],
    loss: (student, teacher) => attentionTransferLoss(student.stages, teacher.stages),
  }
}

/** @param student, teacher [B, H, W, C] of each stage; the teacher's are constants. */
export function attentionTransferLoss(
  student: readonly tf.Tensor4D[],
  teacher: readonly tf.Tensor4D[],
): tf.Scalar {
  return tf.tidy(() => {
    const terms = pairedStages(student, teacher).map(([, own, target]) =>
      squaredError(attention(own), attention(target)),
    )
    return tf.addN(terms)
  })
}

/** [B, H·W], rows of unit length. */
function attention(map: tf.Tensor4D): tf.Tensor2D {
  const [B, H, W] = map.shape
  return unitRows(tf.reshape(tf.mean(tf.square(map), 3), [B, H * W]))
}
