/**
 * @file MOON's model-contrastive term, which keeps a site's features near those of the federation's student and away from those of the site's own
 * last one.
 *
 *   L ← L + μ·ℓ,   ℓ = −(1/B) Σᵢ log( e^(cos(zᵢ, gᵢ)/τ) / ( e^(cos(zᵢ, gᵢ)/τ) + e^(cos(zᵢ, pᵢ)/τ) ) )
 *
 * z: features of the student in training · g: of the student that the round began with · p: of the student that the site's round before ended
 * with; both by their running statistics. A site's first round has no p, and no term. As with the proximal term, the losses that are reported
 * are the method's own.
 * Source: Li, He and Song, CVPR 2021, equation 3, https://arxiv.org/abs/2103.16257, and the authors' `train_net_fedcon`. Differs: on the features
 * after global average pooling, where they put a projection head between those and the classifier.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { TensorMap } from '@tessera/shared/engine'
import type { Layout, Weights } from '@tessera/shared/model'
import { forward, type Network } from '@tessera/shared/model/network'
import type { Study } from '@tessera/shared/protocol'
import { assertShape } from './linear.ts'
import { withoutPrefix, withPrefix } from './tensor-map.ts'
import { unitRows } from './unit-rows.ts'

export interface ModelContrast {
  /** μ */
  readonly weight: number
  /** τ */
  readonly temperature: number
}

/** Before the names of a site's last student in its state, and in a step's. */
export const PREVIOUS_PREFIX = 'previous.'

/** The term of a study; null when it has none. */
export function modelContrastOf({ federation }: Study): ModelContrast | null {
  const { strategy } = federation
  return strategy.name === 'moon' ? { weight: strategy.mu, temperature: strategy.temperature } : null
}

/**
 * Returns ℓ; log 2 when both are equally near.
 * @param features z, [B, D]. @param global g, [B, D]. @param previous p, [B, D]; both constants.
 * @throws {TensorShapeError} If the shapes differ.
 */
export function modelContrastLoss(
  features: tf.Tensor2D,
  global: tf.Tensor2D,
  previous: tf.Tensor2D,
  temperature: number,
): tf.Scalar {
  assertShape('global features', global, features.shape)
  assertShape('previous features', previous, features.shape)
  return tf.tidy(() => {
    const own = unitRows(features)
    const nearness = (of: tf.Tensor2D): tf.Tensor => tf.sum(tf.mul(own, unitRows(of)), 1) // [B]
    const lead = tf.div(tf.sub(nearness(previous), nearness(global)), temperature)
    // log(1 + e^x) without overflow: max(x, 0) + log(1 + e^−|x|).
    const each = tf.add(tf.maximum(lead, 0), tf.log1p(tf.exp(tf.neg(tf.abs(lead)))))
    return tf.mean<tf.Scalar>(each)
  })
}

/** Features [B, D] of one of the two fixed students, which a step's state holds under `prefix`. */
export function fixedFeatures(
  network: Network,
  state: TensorMap,
  prefix: string,
  images: tf.Tensor4D,
): tf.Tensor2D {
  return forward(network, withoutPrefix(prefix, state), images, { training: false }).features
}

/** A network's tensors out of a student's, which may have more. */
export function backboneOf({ tensors }: Layout, student: Weights): Weights {
  return new Map(
    tensors.flatMap(({ name }) => {
      const values = student.get(name)
      return values ? [[name, values] as const] : []
    }),
  )
}

/** A site's last student as entries of its state, and back; null: none yet. */
export function previousInState(previous: Weights | null): [string, Float32Array][] {
  return previous ? withPrefix(PREVIOUS_PREFIX, previous) : []
}
export function previousFromState(tensors: Weights): Weights | null {
  const previous = withoutPrefix(PREVIOUS_PREFIX, tensors)
  return previous.size > 0 ? previous : null
}
