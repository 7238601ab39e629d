/**
 * @file Relational distillation: the student's features shall lie to one another as the teacher's do, in distances and in angles.
 *
 *   distance:  (1/B²) Σᵢⱼ h(dˢᵢⱼ − dᵀᵢⱼ),    d: ‖fᵢ − fⱼ‖ over the mean of those between different tiles
 *   angle:     (1/B³) Σᵢⱼₖ h(aˢᵢⱼₖ − aᵀᵢⱼₖ),  a: cosine of the angle at tile i between tiles j and k
 *   h(x) = x²/2 for |x| < 1, else |x| − 1/2
 *
 * B: tiles in the batch.
 * Source: Park et al., CVPR 2019, section 3.2, https://arxiv.org/abs/1904.05068. Differs, as RepDistiller's code does: means are over all pairs
 * and triples, those of a tile with itself included, which are 0 on both sides.
 */
import * as tf from '@tensorflow/tfjs-core'
import { assertShape } from './linear.ts'
import { unitRows } from './unit-rows.ts'

/** Under the root of a distance, as in RepDistiller: the root's slope at 0 is infinite. */
const LEAST_SQUARE = 1e-12

/** The two terms, unweighted. */
export interface RelationLoss {
  readonly distance: tf.Scalar
  readonly angle: tf.Scalar
}

/**
 * Holds [B, B, D] and [B, B, B] numbers at a time.
 * @param student [B, D].
 * @param teacher [B, E], a constant: no gradient is meant to reach it.
 * @throws {TensorShapeError} If they are not of the same tiles.
 */
export function relationLoss(student: tf.Tensor2D, teacher: tf.Tensor2D): RelationLoss {
  const [B] = student.shape
  assertShape('teacher features', teacher, [B, teacher.shape[1]])
  // A plain object inside: tidy spares what it finds in one.
  const { distance, angle } = tf.tidy(() => {
    const [own, wanted] = [relations(student), relations(teacher)]
    return {
      distance: meanHuber(tf.sub(own.distances, wanted.distances)),
      angle: meanHuber(tf.sub(own.angles, wanted.angles)),
    }
  })
  return { distance, angle }
}

/** Distances [B, B] in units of their mean, and cosines [B, B, B]. */
function relations(features: tf.Tensor2D): { distances: tf.Tensor2D; angles: tf.Tensor3D } {
  const [B, D] = features.shape
  // Differences rather than inner products: those would leave noise where two tiles are the same.
  const differences = tf.sub<tf.Tensor3D>(tf.reshape(features, [1, B, D]), tf.reshape(features, [B, 1, D])) // [B, B, D]
  const squares = tf.sum<tf.Tensor2D>(tf.square(differences), 2)
  const lengths = tf.mul(tf.sqrt(tf.maximum(squares, LEAST_SQUARE)), tf.sub(1, tf.eye(B)))
  const mean = tf.div(tf.sum(lengths), B * (B - 1))
  const directions = unitRows(differences)
  return {
    distances: tf.div(lengths, mean),
    angles: tf.matMul(directions, directions, false, true),
  }
}

/** The mean of h. With m = min(|x|, 1) it is m²/2 + |x| − m: no branch. */
function meanHuber(x: tf.Tensor): tf.Scalar {
  const size = tf.abs(x)
  const small = tf.minimum(size, 1)
  return tf.mean<tf.Scalar>(tf.add(tf.mul(tf.square(small), 0.5), tf.sub(size, small)))
}
