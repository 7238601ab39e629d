/**
 * @file The forward pass of EfficientNet, for training and for prediction; gradients flow to every trainable parameter.
 *
 * B: images · D: features · N: classes.
 */
import * as tf from '@tensorflow/tfjs-core'
import { globalAveragePool } from '../../engine/index.ts'
import { TensorShapeError, TesseraError } from '../../errors.ts'
import type { Random } from '../../random.ts'
import { type Architecture, type Plan, plan } from '../architecture.ts'
import type { Layout } from '../layout.ts'
import { backboneLayout } from '../layouts.ts'
import { convNorm, invertedResidual, type Pass } from './layers.ts'
import { elementMask, rowMask } from './noise.ts'
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
  /** True: norms by the batch's statistics, and the maskings below. False: norms by the running statistics, no masking. */
  readonly training: boolean
  /** Stream of the maskings; must be there when one of them has a probability above 0. */
  readonly random?: Random | undefined
  /** Probability to drop a feature before the classifier, in [0, 1]; 0 when absent. */
  readonly dropout?: number | undefined
  /** Probability to drop the last block's branch, rising linearly from 0 at the first block; 0 when absent. */
  readonly stochasticDepth?: number | undefined
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
      branchMask: branchMasks(network, mode),
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

function dropped(features: tf.Tensor2D, mode: ForwardMode): tf.Tensor2D {
  const { dropout = 0 } = mode
  if (!mode.training || dropout === 0) return features
  return tf.mul(features, elementMask(randomOf(mode), features.shape, dropout))
}

/** As torchvision: block i of n drops with probability p · i / n. */
function branchMasks(network: Network, mode: ForwardMode): Pass['branchMask'] {
  const { stochasticDepth = 0 } = mode
  if (!mode.training || stochasticDepth === 0) return () => null
  const random = randomOf(mode)
  const blocks = network.plan.blocks.length
  return (index, rows, channels) =>
    index === 0 ? null : rowMask(random, rows, channels, (stochasticDepth * index) / blocks)
}

function randomOf({ random }: ForwardMode): Random {
  if (!random) {
    throw new TesseraError(
      'ERR_INTERNAL',
      'internal: mode must have a random stream for dropout and stochastic depth',
    )
  }
  return random
}
