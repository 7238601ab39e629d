/**
 * @file Gradients of sums, means, extrema and softmax.
 */
import * as tf from '@tensorflow/tfjs-core'
import { registerGradient } from './register.ts'

/** `y` with the reduced axes back, of length 1. */
function withAxes(y: tf.Tensor, x: tf.Tensor, axis: number | number[]): tf.Tensor {
  const axes = tf.util.parseAxisParam(axis, x.shape)
  return tf.reshape(
    y,
    x.shape.map((size, i) => (axes.includes(i) ? 1 : size)),
  )
}

/** `dy` where `x` is the extremum `y`, else 0. Elements that tie share nothing: each gets the whole, as in TensorFlow.js. */
function toExtremum(dy: tf.Tensor, saved: tf.Tensor[], axis: number | number[]): tf.Tensor {
  const [x, y] = saved as [tf.Tensor, tf.Tensor]
  return tf.mul(withAxes(dy, x, axis), tf.cast(tf.equal(x, withAxes(y, x, axis)), 'float32'))
}

export function registerReductions(): void {
  registerGradient<tf.SumAttrs>(tf.Sum, {
    inputs: ['x'],
    flow: (dy, saved, { axis }) => {
      const [x] = saved as [tf.Tensor]
      return { x: () => tf.broadcastTo(withAxes(dy, x, axis), x.shape) }
    },
  })
  registerGradient<tf.MeanAttrs>(tf.Mean, {
    inputs: ['x'],
    flow: (dy, saved, { axis }) => {
      const [x] = saved as [tf.Tensor]
      return { x: () => tf.broadcastTo(withAxes(tf.mul(dy, dy.size / x.size), x, axis), x.shape) }
    },
  })
  registerGradient<{ reductionIndices: number | number[] }>(tf.Max, {
    inputs: ['x'],
    output: true,
    flow: (dy, saved, { reductionIndices }) => ({ x: () => toExtremum(dy, saved, reductionIndices) }),
  })
  registerGradient<tf.MinAttrs>(tf.Min, {
    inputs: ['x'],
    output: true,
    flow: (dy, saved, { axis }) => ({ x: () => toExtremum(dy, saved, axis) }),
  })
  registerGradient<tf.SoftmaxAttrs>(tf.Softmax, {
    output: true,
    flow: (dy, saved, { dim }) => {
      const [y] = saved as [tf.Tensor]
      return {
        logits: () => {
          const product = tf.mul(dy, y)
          return tf.sub(product, tf.mul(tf.sum(product, dim, true), y))
        },
      }
    },
  })
}
