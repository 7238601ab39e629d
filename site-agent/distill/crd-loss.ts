/**
 * @file CRD's contrast between one side's features and the other side's memory, by noise-contrastive estimation.
 *
 *   L = −(1/B) Σᵢ [ log( pᵢᵢ / (pᵢᵢ + K/n + ε) ) + Σⱼ wᵢⱼ log( (K/n) / (pᵢⱼ + K/n + ε) ) ],   pᵢⱼ = e^(vᵢ·mⱼ/τ) / Z
 *
 * v: features of this side · m: rows of the other side's memory, mᵢ of the tile itself and mⱼ of the drawn ones · n: tiles of the site ·
 * K: tiles drawn · wᵢⱼ: 0 for a drawn tile of i's own class, else K over the number of the others, so that they stand for K negatives ·
 * ε = 10⁻⁷ · Z: n times the mean of e^(v·m/τ) in the first batch, and kept.
 *
 * Source: Tian, Krishnan and Isola, ICLR 2020, equations 18 and 19, https://arxiv.org/abs/1910.10699; RepDistiller's `crd/`, with its draw by
 * class. Differs: K tiles are drawn once a batch and without putting back, where the code draws K of other classes anew for each tile: the
 * memory is then multiplied as a matrix, and is not copied out row by row (B·K·C numbers, half a gigabyte by the defaults).
 */
import * as tf from '@tensorflow/tfjs-core'
import { stopGradient } from '@tessera/shared/engine'
import { assertShape } from './linear.ts'

const EPSILON = 1e-7

export interface CrdContrast {
  readonly features: tf.Tensor2D // [B, C], rows of unit length
  readonly own: tf.Tensor2D // [B, C], the other side's memory of the same tiles
  readonly drawn: tf.Tensor2D // [K, C], its memory of the drawn tiles
  readonly weights: tf.Tensor2D // [B, K], of {@link negativeWeights}
}

/** Returns w, [B, K]: how many negatives a drawn tile stands for. A tile without one of another class has none. */
export function negativeWeights(labels: tf.Tensor1D, drawnLabels: tf.Tensor1D): tf.Tensor2D {
  const [B] = labels.shape
  const [K] = drawnLabels.shape
  return tf.tidy(() => {
    const differs = tf.cast(
      tf.notEqual(tf.reshape(labels, [B, 1]), tf.reshape(drawnLabels, [1, K])),
      'float32',
    )
    return tf.div<tf.Tensor2D>(tf.mul(differs, K), tf.maximum(tf.sum(differs, 1, true), 1))
  })
}

/**
 * @param tiles n.
 * @param scale Z of earlier batches; below 0 before the first. Scalar.
 * @returns The loss, mean over the batch, and the Z that it used, which carries no gradient.
 * @throws {TensorShapeError} If the shapes do not fit.
 */
export function crdLoss(
  { features, own, drawn, weights }: CrdContrast,
  tiles: number,
  temperature: number,
  scale: tf.Scalar,
): { loss: tf.Scalar; scale: tf.Scalar } {
  const [B, C] = features.shape
  const [K] = drawn.shape
  assertShape('own rows', own, [B, C])
  assertShape('drawn rows', drawn, [K, C])
  assertShape('weights', weights, [B, K])
  const found = tf.tidy(() => {
    const positive = tf.exp(tf.div(tf.sum(tf.mul(features, own), 1), temperature)) // [B]
    const negative = tf.exp(tf.div(tf.matMul(features, drawn, false, true), temperature)) // [B, K]
    const total = tf.add(tf.sum(positive), tf.sum(tf.mul(negative, weights)))
    const mean = tf.div(total, B * (K + 1))
    const Z = stopGradient(tf.where(tf.less(scale, 0), tf.mul(mean, tiles), scale))
    const noise = K / tiles
    const shareOf = (p: tf.Tensor, part: tf.Tensor): tf.Tensor =>
      tf.log(tf.div(part, tf.add(p, noise + EPSILON)))
    const [near, far] = [tf.div(positive, Z), tf.div(negative, Z)]
    const right = shareOf(near, near)
    const wrong = tf.sum(tf.mul(weights, shareOf(far, tf.scalar(noise))), 1)
    return { loss: tf.neg(tf.mean<tf.Scalar>(tf.add(right, wrong))), scale: Z as tf.Scalar }
  })
  return { loss: found.loss, scale: found.scale }
}
