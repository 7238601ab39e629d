/**
 * @file The forward pass of EfficientNet, for training and for prediction; gradients flow to every trainable parameter.
 *
 * B: images · D: features · N: classes.
 */
import * as tf from '@tensorflow/tfjs-core'
import { globalAveragePool } from '../../engine/index.ts'
import { TensorShapeError } from '../../errors.ts'
import { type Architecture, type Plan, plan } from '../architecture.ts'
import type { Layout } from '../layout.ts'
import { backboneLayout } from '../layouts.ts'
import { convNorm, invertedResidual, type Pass } from './layers.ts'
import { branchMaskName, DROPOUT_MASK, type Noise } from './noise.ts'
import { type Params, param } from './params.ts'
import { movedStatistics } from './statistics.ts'

/** A backbone and its classifier, without weights. */
export interface Network {
  readonly architecture: Architecture
  readonly classes: number
  readonly layout: Layout
  readonly plan: Plan
}

export interface ForwardMode {
  /** True: norms by the batch's statistics. False: norms by the running statistics. */
  readonly training: boolean
  /** Dropout and stochastic depth, of `drawNoise`; absent: none. */
  readonly noise?: Noise | undefined
}

export interface ForwardResult {
  /** [B, D], after global average pooling and before dropout. */
  readonly features: tf.Tensor2D
  /** [B, N] */
  readonly logits: tf.Tensor2D
  /** Running means and variances after this pass, by name; empty unless training. They carry no gradient. */
  readonly statistics: Map<string, tf.Tensor1D>
}

/** Describes the network of an architecture and a number of classes. */
export function createNetwork(architecture: Architecture, classes: number): Network {
  return { architecture, classes, layout: backboneLayout(architecture, classes), plan: plan(architecture) }
}

/**
 * Computes features, logits and, when training, the new running statistics; `params` stay as they are. Nothing but the result is
 * left behind. Inside a tf.tidy or a gradient function, keep the statistics that shall outlive it (tf.keep).
 * @param images [B, H, W, 3], normalised.
 * @throws {TensorShapeError} If the images have another shape.
 */
export function forward(
  network: Network,
  params: Params,
  images: tf.Tensor4D,
  mode: ForwardMode,
): ForwardResult {
  if (images.rank !== 4 || images.shape[3] !== 3) {
    throw new TensorShapeError('images', ['B', 'H', 'W', 3], images.shape)
  }
  // A plain object inside: tidy does not look into a Map for what it must spare.
  const { features, logits, statistics } = tf.tidy(() => {
    const pass: Pass = {
      params,
      training: mode.training,
      seen: [],
      branchMask: (index) => (mode.noise?.get(branchMaskName(index)) as tf.Tensor4D | undefined) ?? null,
    }
    let x = convNorm(pass, 'features.0', images, 2, 'swish')
    for (const [index, block] of network.plan.blocks.entries()) x = invertedResidual(pass, block, index, x)
    x = convNorm(pass, network.plan.lastName, x, 1, 'swish')
    const features = globalAveragePool(x)
    const logits = classify(params, dropped(features, mode))
    return { features, logits, statistics: movedStatistics(pass.seen) }
  })
  return { features, logits, statistics: new Map(Object.entries(statistics)) }
}

function classify(params: Params, features: tf.Tensor2D): tf.Tensor2D {
  const weight = param(params, 'classifier.1.weight')
  return tf.add(tf.matMul(features, weight, false, true), param(params, 'classifier.1.bias'))
}

function dropped(features: tf.Tensor2D, { noise }: ForwardMode): tf.Tensor2D {
  const mask = noise?.get(DROPOUT_MASK)
  return mask ? tf.mul(features, mask) : features
}
