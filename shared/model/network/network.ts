/**
 * @file The forward pass of a described network, for training and for prediction; gradients flow to every trainable parameter.
 *
 * B: images · D: features · N: classes.
 */
import * as tf from '@tensorflow/tfjs-core'
import { globalAveragePool } from '../../engine/index.ts'
import { TensorShapeError, TesseraError } from '../../errors.ts'
import { type Architecture, describeNetwork } from '../architecture.ts'
import { type Conventions, conventionsOf } from '../conventions.ts'
import { type Graph, IMAGES, type Node } from '../graph.ts'
import type { Layout } from '../layout.ts'
import { graphLayout } from '../layouts.ts'
import { addShortcut, batchNorm, convolve, maxPool, type Pass, squeezeExcite } from './layers.ts'
import { branchMaskName, DROPOUT_MASK, type Noise } from './noise.ts'
import { type Params, param } from './params.ts'
import { movedStatistics } from './statistics.ts'

/** A backbone and its classifier, without weights. */
export interface Network {
  readonly architecture: Architecture
  readonly classes: number
  readonly layout: Layout
  readonly graph: Graph
  /** Momentum of its batch norms. */
  readonly momentum: number
}

export interface ForwardMode {
  /** True: norms by the batch's statistics. False: norms by the running statistics. */
  readonly training: boolean
  /** Dropout and stochastic depth, of `drawNoise`; absent: none. */
  readonly noise?: Noise | undefined
  /** True: give the feature maps, too. They stay in memory for as long as the result. */
  readonly maps?: boolean
}

/** Feature maps of one pass, NHWC. */
export interface FeatureMaps {
  /** Of the graph's four stages. */
  readonly stages: readonly tf.Tensor4D[]
  /** What is pooled to the features: with a projector, what comes out of it. */
  readonly last: tf.Tensor4D
}

export interface ForwardResult {
  /** [B, D], after global average pooling and before dropout. */
  readonly features: tf.Tensor2D
  /** [B, N] */
  readonly logits: tf.Tensor2D
  /** Running means and variances after this pass, by name; empty unless training. They carry no gradient. */
  readonly statistics: Map<string, tf.Tensor1D>
  /** Null unless they were asked for. */
  readonly maps: FeatureMaps | null
}

/**
 * Describes the network of an architecture and a number of classes.
 * @param conventions Others than those of the architecture's flavour.
 */
export function createNetwork(
  architecture: Architecture,
  classes: number,
  conventions: Conventions = conventionsOf(architecture.flavour),
): Network {
  const graph = describeNetwork(architecture, classes, conventions)
  const layout = graphLayout(architecture, graph)
  return { architecture, classes, layout, graph, momentum: conventions.momentum }
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
  // Plain objects and arrays inside: tidy does not look into a Map for what it must spare.
  const { features, logits, statistics, maps } = tf.tidy(() => {
    const pass: Pass = {
      params,
      training: mode.training,
      seen: [],
      branchMask: (index) => (mode.noise?.get(branchMaskName(index)) as tf.Tensor4D | undefined) ?? null,
    }
    const { stages, last, ...result } = run(network.graph, pass, images, mode)
    const statistics = movedStatistics(pass.seen, network.momentum)
    return { ...result, statistics, maps: mode.maps ? [...stages, last] : [] }
  })
  const last = maps.at(-1)
  return {
    features,
    logits,
    statistics: new Map(Object.entries(statistics)),
    maps: last ? { stages: maps.slice(0, -1), last } : null,
  }
}

function run(
  graph: Graph,
  pass: Pass,
  images: tf.Tensor4D,
  mode: ForwardMode,
): Pick<ForwardResult, 'features' | 'logits'> & FeatureMaps {
  const values = new Map<string, tf.Tensor4D>([[IMAGES, images]])
  const valueOf = (name: string): tf.Tensor4D => {
    const value = values.get(name)
    if (!value) throw new TesseraError('ERR_INTERNAL', `internal: graph must compute ${name} before its use`)
    return value
  }
  let last: tf.Tensor4D | null = null
  let features: tf.Tensor2D | null = null
  for (const node of graph.nodes) {
    if (node.kind === 'global-average-pool') {
      last = valueOf(node.input)
      features = globalAveragePool(last)
    } else if (node.kind === 'classifier' && features && last) {
      const logits = classify(pass.params, node.name, dropped(features, mode))
      return { features, logits, stages: graph.stages.map(({ value }) => valueOf(value)), last }
    } else values.set(node.name, compute(pass, node, valueOf))
  }
  throw new TesseraError(
    'ERR_INTERNAL',
    'internal: graph must end with a global average pool and a classifier',
  )
}

function compute(pass: Pass, node: Node, valueOf: (name: string) => tf.Tensor4D): tf.Tensor4D {
  const x = valueOf(node.input)
  switch (node.kind) {
    case 'convolution':
      return convolve(pass, node, x)
    case 'norm':
      return batchNorm(pass, node, x)
    case 'squeeze-excite':
      return squeezeExcite(pass, node, x)
    case 'max-pool':
      return maxPool(node, x)
    case 'add':
      return addShortcut(pass, node, x, valueOf(node.shortcut))
    case 'global-average-pool':
    case 'classifier':
      break
  }
  throw new TesseraError('ERR_INTERNAL', `internal: graph must not have ${node.kind} before its end`)
}

function classify(params: Params, name: string, features: tf.Tensor2D): tf.Tensor2D {
  const weight = param(params, `${name}.weight`)
  return tf.add(tf.matMul(features, weight, false, true), param(params, `${name}.bias`))
}

function dropped(features: tf.Tensor2D, { noise }: ForwardMode): tf.Tensor2D {
  const mask = noise?.get(DROPOUT_MASK)
  return mask ? tf.mul(features, mask) : features
}
