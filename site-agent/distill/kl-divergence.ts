/**
 * @file Hinton's distillation term on logits.
 *
 *   L = T² · (1/B) Σᵢ Σₙ pᵢₙ (log pᵢₙ − log qᵢₙ),   p = softmax(teacher/T), q = softmax(student/T)
 *
 * Source: Hinton, Vinyals and Dean, 2015, https://arxiv.org/abs/1503.02531; T² keeps the gradient's size when T changes.
 */
import * as tf from '@tensorflow/tfjs-core'
import { assertShape } from './linear.ts'

/**
 * @param student [B, N] logits.
 * @param teacher [B, N] logits of the same tiles, a constant: no gradient is meant to reach it.
 * @param temperature T > 0; MoMA trains with 4.
 * @returns Mean over the batch (not over classes), in nats; 0 when both agree.
 * @throws {TensorShapeError} If the shapes differ.
 */
export function klDivergence(student: tf.Tensor2D, teacher: tf.Tensor2D, temperature: number): tf.Scalar {
  assertShape('teacher logits', teacher, student.shape)
  return tf.tidy(() => {
    const logTeacher = logSoftmax(tf.div(teacher, temperature))
    const logStudent = logSoftmax(tf.div(student, temperature))
    const each = tf.sum(tf.mul(tf.exp(logTeacher), tf.sub(logTeacher, logStudent)), 1) // [B]
    return tf.mul(tf.mean<tf.Scalar>(each), temperature ** 2)
  })
}

/** Plain ops: the wasm back end has no LogSoftmax kernel. */
function logSoftmax(logits: tf.Tensor2D): tf.Tensor2D {
  return tf.sub(logits, tf.logSumExp(logits, 1, true))
}
