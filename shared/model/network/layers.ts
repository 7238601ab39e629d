/**
 * @file The layers of EfficientNet: convolution with batch norm, squeeze and excitation, the inverted residual block.
 *
 * B: images · H, W: height and width · C: channels. Images and activations are NHWC, filters as params.ts orders them.
 * Source: Tan and Le, ICML 2019, https://arxiv.org/abs/1905.11946; torchvision, models/efficientnet.py, class MBConv.
 */
import * as tf from '@tensorflow/tfjs-core'
import {
  type Activation,
  batchNormInference,
  batchNormTrain,
  globalAveragePool,
  scaleChannels,
  swish,
} from '../../engine/index.ts'
import { TesseraError } from '../../errors.ts'
import type { Block } from '../architecture.ts'
import { blockNames } from '../layouts.ts'
import { type Params, param } from './params.ts'
import type { SeenStatistic } from './statistics.ts'

/** PyTorch's default, which torchvision's B0 keeps. */
const BATCH_NORM_EPSILON = 1e-5

/** What the layers of one forward pass share. */
export interface Pass {
  readonly params: Params
  readonly training: boolean
  /** Filled in while training: what each norm saw. */
  readonly seen: SeenStatistic[]
  /** Mask [B, 1, 1, C] for the residual branch of block `index` of the network, null for none. */
  readonly branchMask: (index: number) => tf.Tensor4D | null
}

/** Convolution `<name>.0` without bias, padded by (kernel − 1) / 2 on every side, then batch norm `<name>.1`. */
export function convNorm(
  pass: Pass,
  name: string,
  x: tf.Tensor4D,
  stride: number,
  activation: Activation,
): tf.Tensor4D {
  const filter = param(pass.params, `${name}.0.weight`) as tf.Tensor4D
  const y = tf.conv2d(x, filter, stride, (filter.shape[0] - 1) / 2)
  return batchNorm(pass, `${name}.1`, y, activation)
}

/** Inverted residual block: expand, depthwise, squeeze and excite, project; plus the input where shapes allow. */
export function invertedResidual(pass: Pass, block: Block, index: number, x: tf.Tensor4D): tf.Tensor4D {
  const names = blockNames(block)
  const expanded = names.expand ? convNorm(pass, names.expand, x, 1, 'swish') : x
  const filter = param(pass.params, `${names.depthwise}.0.weight`) as tf.Tensor4D
  // A number, not 'same': TensorFlow's 'same' pads the end only where stride 2 meets an even size, PyTorch pads both ends.
  const mixed = tf.depthwiseConv2d(expanded, filter, block.stride, (block.kernel - 1) / 2)
  const normed = batchNorm(pass, `${names.depthwise}.1`, mixed, 'swish')
  const excited = squeezeExcite(pass, names.squeeze, normed)
  const branch = convNorm(pass, names.project, excited, 1, 'none')
  if (!block.residual) return branch
  const mask = pass.branchMask(index)
  return tf.add(mask ? scaleChannels(branch, mask) : branch, x)
}

/**
 * Scales each channel by a gate of all channels' means: x · σ(W₂ silu(W₁ mean(x) + b₁) + b₂).
 *
 * Source: Hu et al., CVPR 2018, https://arxiv.org/abs/1709.01507
 */
function squeezeExcite(pass: Pass, name: string, x: tf.Tensor4D): tf.Tensor4D {
  const pixel: tf.Tensor4D = tf.reshape(globalAveragePool(x), [x.shape[0], 1, 1, x.shape[3]])
  const squeezed = swish(pointwise(pass, `${name}.fc1`, pixel))
  return scaleChannels(x, tf.sigmoid(pointwise(pass, `${name}.fc2`, squeezed)))
}

/** A 1×1 convolution with bias. */
function pointwise(pass: Pass, name: string, x: tf.Tensor4D): tf.Tensor4D {
  const filter = param(pass.params, `${name}.weight`) as tf.Tensor4D
  return tf.add(tf.conv2d(x, filter, 1, 0), param(pass.params, `${name}.bias`))
}

/** Batch norm over B, H and W, then the activation; notes the running statistics when training. */
function batchNorm(pass: Pass, name: string, x: tf.Tensor4D, activation: Activation): tf.Tensor4D {
  const read = (part: string): tf.Tensor1D => param(pass.params, `${name}.${part}`) as tf.Tensor1D
  const [gamma, beta] = [read('weight'), read('bias')]
  const [runningMean, runningVar] = [read('running_mean'), read('running_var')]
  if (!pass.training) {
    return batchNormInference(x, gamma, beta, runningMean, runningVar, BATCH_NORM_EPSILON, activation)
  }
  const count = x.shape[0] * x.shape[1] * x.shape[2]
  if (count < 2) {
    throw new TesseraError(
      'ERR_TENSOR_SHAPE',
      `batch must have 2 values a channel at ${name} to train, got ${count}`,
    )
  }
  const { y, mean, variance } = batchNormTrain(x, gamma, beta, BATCH_NORM_EPSILON, activation)
  // As PyTorch: the batch is normalised by the biased variance, the running one moves towards the unbiased.
  pass.seen.push(
    { name: `${name}.running_mean`, running: runningMean, batch: mean, factor: 1 },
    { name: `${name}.running_var`, running: runningVar, batch: variance, factor: count / (count - 1) },
  )
  return y
}
