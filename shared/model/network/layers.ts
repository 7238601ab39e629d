/**
 * @file One layer of a network on the engine: the tensors it reads by name, and what it computes.
 *
 * B: images · H, W: height and width · C: channels. Images and activations are NHWC, filters as params.ts orders them.
 */
import * as tf from '@tensorflow/tfjs-core'
import {
  batchNormInference,
  batchNormTrain,
  globalAveragePool,
  scaleChannels,
  swish,
} from '../../engine/index.ts'
import { TesseraError } from '../../errors.ts'
import type { Activation, Add, Convolution, MaxPool, Norm, SqueezeExcite } from '../graph.ts'
import { type Params, param } from './params.ts'
import type { SeenStatistic } from './statistics.ts'

/** What the layers of one forward pass share. */
export interface Pass {
  readonly params: Params
  readonly training: boolean
  /** Filled in while training: what each norm saw. */
  readonly seen: SeenStatistic[]
  /** Mask [B, 1, 1, C] for the residual branch of block `index` of the network, null for none. */
  readonly branchMask: (index: number) => tf.Tensor4D | null
}

/** Convolution without bias. */
export function convolve(pass: Pass, node: Convolution, x: tf.Tensor4D): tf.Tensor4D {
  const filter = param(pass.params, `${node.name}.weight`) as tf.Tensor4D
  const { kernel, stride, padding, depthwise } = node
  if (typeof padding === 'string') {
    // A number for symmetric: TensorFlow's 'same' pads the end only where stride 2 meets an even size, PyTorch pads both ends.
    const pad = padding === 'same' ? 'same' : (kernel - 1) / 2
    return depthwise ? tf.depthwiseConv2d(x, filter, stride, pad) : tf.conv2d(x, filter, stride, pad)
  }
  const framed = framedBy(x, padding)
  return depthwise
    ? tf.depthwiseConv2d(framed, filter, stride, 'valid')
    : tf.conv2d(framed, filter, stride, 'valid')
}

/** Batch norm over B, H and W, then the activation; notes the running statistics when training. */
export function batchNorm(pass: Pass, node: Norm, x: tf.Tensor4D): tf.Tensor4D {
  const { name, epsilon, activation } = node
  const read = (part: string): tf.Tensor1D => param(pass.params, `${name}.${part}`) as tf.Tensor1D
  const [gamma, beta] = [read('weight'), read('bias')]
  const [runningMean, runningVar] = [read('running_mean'), read('running_var')]
  // Swish is part of the norm's kernels; the others follow as an op of their own.
  const fused = activation === 'swish' ? 'swish' : 'none'
  const rest = activation === 'swish' ? 'none' : activation
  if (!pass.training) {
    return activate(batchNormInference(x, gamma, beta, runningMean, runningVar, epsilon, fused), rest)
  }
  const count = x.shape[0] * x.shape[1] * x.shape[2]
  if (count < 2) {
    throw new TesseraError(
      'ERR_TENSOR_SHAPE',
      `batch must have 2 values a channel at ${name} to train, got ${count}`,
    )
  }
  const { y, mean, variance } = batchNormTrain(x, gamma, beta, epsilon, fused)
  // As PyTorch: the batch is normalised by the biased variance, the running one moves towards the unbiased.
  pass.seen.push(
    { name: `${name}.running_mean`, running: runningMean, batch: mean, factor: 1 },
    { name: `${name}.running_var`, running: runningVar, batch: variance, factor: count / (count - 1) },
  )
  return activate(y, rest)
}

/**
 * Scales each channel by a gate of all channels' means: x · σ(W₂ silu(W₁ mean(x) + b₁) + b₂).
 *
 * Source: Hu et al., CVPR 2018, https://arxiv.org/abs/1709.01507
 */
export function squeezeExcite(pass: Pass, { name }: SqueezeExcite, x: tf.Tensor4D): tf.Tensor4D {
  const pixel: tf.Tensor4D = tf.reshape(globalAveragePool(x), [x.shape[0], 1, 1, x.shape[3]])
  const squeezed = swish(pointwise(pass, `${name}.fc1`, pixel))
  return scaleChannels(x, tf.sigmoid(pointwise(pass, `${name}.fc2`, squeezed)))
}

/** Largest of each window. Zeros around it do what padding that never wins would, for `x` has no negative value. */
export function maxPool({ kernel, stride }: MaxPool, x: tf.Tensor4D): tf.Tensor4D {
  const margin = (kernel - 1) / 2
  return tf.maxPool(framedBy(x, [margin, margin]), kernel, stride, 'valid')
}

/** The end of a residual block: the branch, masked by stochastic depth, plus the shortcut. */
export function addShortcut(pass: Pass, node: Add, x: tf.Tensor4D, shortcut: tf.Tensor4D): tf.Tensor4D {
  const mask = pass.branchMask(node.block)
  return activate(tf.add(mask ? scaleChannels(x, mask) : x, shortcut), node.activation)
}

/** A 1×1 convolution with bias. */
function pointwise(pass: Pass, name: string, x: tf.Tensor4D): tf.Tensor4D {
  const filter = param(pass.params, `${name}.weight`) as tf.Tensor4D
  return tf.add(tf.conv2d(x, filter, 1, 0), param(pass.params, `${name}.bias`))
}

function activate(x: tf.Tensor4D, activation: Activation): tf.Tensor4D {
  switch (activation) {
    case 'none':
      break
    case 'relu':
      return tf.relu(x)
    case 'relu6':
      return tf.relu6(x)
    case 'swish':
      return swish(x)
  }
  return x
}

/** `x` in a frame of zeros, as many before and behind in height and width. */
function framedBy(x: tf.Tensor4D, [before, behind]: readonly [number, number]): tf.Tensor4D {
  if (before === 0 && behind === 0) return x
  return tf.pad(x, [
    [0, 0],
    [before, behind],
    [before, behind],
    [0, 0],
  ])
}
