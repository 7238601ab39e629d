/**
 * @file How a gradient is written here: which tensors it needs, and what flows into each input.
 */
import * as tf from '@tensorflow/tfjs-core'

/** What flows into each input, by its name. Called only for the inputs that a gradient is asked for. */
export type Flow = Record<string, () => tf.Tensor>

export interface Gradient<Attributes> {
  /** Names of the inputs that `flow` reads, in the order it gets them. */
  inputs?: string[]
  /** True when `flow` reads the (first) output; it follows the inputs. */
  output?: boolean
  /** From the gradient of the output and the tensors asked for. */
  flow: (dy: tf.Tensor, saved: tf.Tensor[], attributes: Attributes) => Flow
}

/** Registers the gradient of a kernel with one output, for every back end. */
export function registerGradient<Attributes = object>(
  kernelName: string,
  gradient: Gradient<Attributes>,
): void {
  tf.registerGradient({
    kernelName,
    inputsToSave: gradient.inputs ?? [],
    outputsToSave: gradient.output === true ? [true] : [],
    gradFunc: (dy, saved, attributes) => ({
      ...gradient.flow(dy as tf.Tensor, saved, attributes as Attributes),
    }),
  })
}

/** Sums `gradient` over the axes along which an operand of `shape` was repeated. */
export function unbroadcast(gradient: tf.Tensor, shape: number[]): tf.Tensor {
  if (tf.util.arraysEqual(gradient.shape, shape)) return gradient
  const axes = tf.broadcast_util.getReductionAxes(shape, gradient.shape)
  return tf.reshape(axes.length > 0 ? tf.sum(gradient, axes) : gradient, shape)
}
