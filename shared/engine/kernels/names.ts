/**
 * @file Names of the kernels that TensorFlow.js does not know. An op looks its own up and falls back where it is missing.
 */
import * as tf from '@tensorflow/tfjs-core'

export const OWN = {
  averagePool: 'TesseraAveragePool',
  averagePoolGradient: 'TesseraAveragePoolGradient',
  batchNormTrain: 'TesseraBatchNormTrain',
  batchNormInference: 'TesseraBatchNormInference',
  batchNormGradient: 'TesseraBatchNormGradient',
  enqueue: 'TesseraEnqueue',
  logSumExp: 'TesseraLogSumExp',
  logSumExpGradient: 'TesseraLogSumExpGradient',
  scaleChannels: 'TesseraScaleChannels',
  scaleChannelsGradient: 'TesseraScaleChannelsGradient',
  sgdMomentum: 'TesseraSgdMomentum',
  swish: 'TesseraSwish',
  swishGradient: 'TesseraSwishGradient',
  towards: 'TesseraTowards',
} as const

export type OwnKernel = (typeof OWN)[keyof typeof OWN]

/** True when the back end that runs has this kernel of ours. */
export function hasKernel(name: OwnKernel): boolean {
  return (tf.getKernel(name, tf.getBackend()) as tf.KernelConfig | undefined) !== undefined
}

/** Runs a kernel of ours and returns its outputs. */
export function runKernel(
  name: OwnKernel,
  inputs: Record<string, tf.Tensor>,
  attributes: Record<string, number | number[] | string | boolean> = {},
): tf.Tensor[] {
  const outputs: tf.Tensor | tf.Tensor[] = tf.engine().runKernel(name, inputs, attributes)
  return [outputs].flat()
}
