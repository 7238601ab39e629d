/**
 * @file Gradients of matrix products, convolutions and pooling.
 */
import * as tf from '@tensorflow/tfjs-core'
import { registerGradient, unbroadcast } from './register.ts'

type Shape4 = [number, number, number, number]

/** Runs a kernel of TensorFlow.js that has no public op. */
function run(name: string, inputs: Record<string, tf.Tensor>, attributes: object): tf.Tensor {
  return tf.engine().runKernel(name, inputs, attributes as Record<string, never>)
}

function assertUndilated(dilations: number | [number, number] | undefined): void {
  const factors = [dilations ?? 1].flat()
  tf.util.assert(
    factors.every((factor) => factor === 1),
    () => `convolution must have dilations of 1 for a gradient, got ${factors.join(', ')}`,
  )
}

export function registerLayers(): void {
  // With op(a) · op(b) = y: d op(a) = dy · op(b)ᵀ and d op(b) = op(a)ᵀ · dy, each turned back where op transposes.
  registerGradient<tf.BatchMatMulAttrs>(tf.BatchMatMul, {
    inputs: ['a', 'b'],
    flow: (dy, saved, { transposeA, transposeB }) => {
      const [a, b] = saved as [tf.Tensor, tf.Tensor]
      return {
        a: () =>
          unbroadcast(
            transposeA ? tf.matMul(b, dy, transposeB, true) : tf.matMul(dy, b, false, !transposeB),
            a.shape,
          ),
        b: () =>
          unbroadcast(
            transposeB ? tf.matMul(dy, a, true, transposeA) : tf.matMul(a, dy, !transposeA, false),
            b.shape,
          ),
      }
    },
  })

  registerGradient<tf.Conv2DAttrs>(tf.Conv2D, {
    inputs: ['x', 'filter'],
    flow: (dy, saved, { strides, pad, dataFormat, dimRoundingMode, dilations }) => {
      const [x, filter] = saved as [tf.Tensor, tf.Tensor]
      assertUndilated(dilations)
      const how = { strides, pad, dataFormat, dimRoundingMode }
      return {
        x: () => run(tf.Conv2DBackpropInput, { dy, filter }, { ...how, inputShape: x.shape as Shape4 }),
        filter: () =>
          run(tf.Conv2DBackpropFilter, { x, dy }, { ...how, filterShape: filter.shape as Shape4 }),
      }
    },
  })

  registerGradient<tf.DepthwiseConv2dNativeAttrs>(tf.DepthwiseConv2dNative, {
    inputs: ['x', 'filter'],
    flow: (dy, saved, { strides, pad, dimRoundingMode, dilations }) => {
      const [x, filter] = saved as [tf.Tensor, tf.Tensor]
      assertUndilated(dilations)
      const how = { strides, pad, dimRoundingMode, dilations: 1 }
      return {
        x: () =>
          run(
            tf.DepthwiseConv2dNativeBackpropInput,
            { dy, filter },
            { ...how, inputShape: x.shape as Shape4 },
          ),
        filter: () =>
          run(
            tf.DepthwiseConv2dNativeBackpropFilter,
            { x, dy },
            { ...how, filterShape: filter.shape as Shape4 },
          ),
      }
    },
  })

  // To one largest value of each window; which one of several equal ones is the back end's choice.
  registerGradient<tf.MaxPoolAttrs>(tf.MaxPool, {
    inputs: ['x'],
    output: true,
    flow: (dy, saved, { filterSize, strides, pad, dimRoundingMode }) => {
      const [x, y] = saved as [tf.Tensor, tf.Tensor]
      const how = { filterSize, strides, pad, dimRoundingMode }
      return { x: () => run(tf.MaxPoolGrad, { dy, input: x, output: y }, how) }
    },
  })
}
