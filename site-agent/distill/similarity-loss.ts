/**
 * @file Similarity-preserving distillation: tiles that the teacher takes to be alike shall be alike to the student.
 *
 *   L = (1/B²) Σᵢⱼ (Gᵀᵢⱼ − Gˢᵢⱼ)²,   G = F·Fᵀ, each row divided by its length
 *
 * F: features, one row a tile · B: tiles in the batch. Only B×B numbers are compared: the two may be of any widths.
 * Source: Tung and Mori, ICCV 2019, equations 2 to 4, https://arxiv.org/abs/1907.09682.
 */
import * as tf from '@tensorflow/tfjs-core'
import { assertShape } from './linear.ts'
import { unitRows } from './unit-rows.ts'

/**
 * @param student [B, D].
 * @param teacher [B, E], a constant: no gradient is meant to reach it.
 * @returns 0 when both find the same pairs alike; at most 4/B.
 * @throws {TensorShapeError} If they are not of the same tiles.
 */
export function similarityLoss(student: tf.Tensor2D, teacher: tf.Tensor2D): tf.Scalar {
  const [B] = student.shape
  assertShape('teacher features', teacher, [B, teacher.shape[1]])
  return tf.tidy(() => {
    const [own, wanted] = [student, teacher].map((x) => unitRows(tf.matMul(x, x, false, true))) as [
      tf.Tensor2D,
      tf.Tensor2D,
    ]
    return tf.div(tf.sum<tf.Scalar>(tf.square(tf.sub(wanted, own))), B * B)
  })
}
