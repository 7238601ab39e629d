/**
 * @file Conv2D with a 1 × 1 filter and its two gradients as MatMul over the pixels, and larger filters with any padding.
 *
 * With x [P, in], filter W [in, out] and y = x W: dx = dy Wᵀ and dW = xᵀ dy. TensorFlow's Conv2D reaches a quarter of MatMul's speed there.
 */
import * as tf from '@tensorflow/tfjs-core'
import { convolutionInfo } from '../../kernels/convolution.ts'
import { type Ops, registerKernel } from './register.ts'

type Info = tf.backend_util.Conv2DInfo
type Attributes = Parameters<typeof convolutionInfo>[2]

function isPlain({ dataFormat, dilations }: Attributes): boolean {
  return (dataFormat ?? 'NHWC') === 'NHWC' && [dilations ?? 1].flat().every((d) => d === 1)
}

/** True when each output pixel sees one input pixel, the one at its place. */
function isPointwise({
  filterHeight,
  filterWidth,
  inHeight,
  inWidth,
  outHeight,
  outWidth,
  padInfo,
}: Info): boolean {
  const whole = outHeight === inHeight && outWidth === inWidth
  return filterHeight === 1 && filterWidth === 1 && whole && padInfo.top === 0 && padInfo.left === 0
}

export function registerConvolution(ops: Ops): void {
  const pixels = (x: tf.Tensor): tf.Tensor =>
    ops.reshape(x, [x.size / (x.shape.at(-1) ?? 1), x.shape.at(-1) ?? 1])

  /** TensorFlow pads by the numbers that TensorFlow.js worked out. */
  const settings = ({ strideHeight, strideWidth, padInfo }: Info) => [
    ops.floats('T'),
    ops.int('strides', [1, strideHeight, strideWidth, 1]),
    ops.text('padding', 'EXPLICIT'),
    ops.int('explicit_paddings', [0, 0, padInfo.top, padInfo.bottom, padInfo.left, padInfo.right, 0, 0]),
    ops.text('data_format', 'NHWC'),
    ops.bool('use_cudnn_on_gpu', true),
    ops.int('dilations', [1, 1, 1, 1]),
  ]

  registerKernel<'x' | 'filter', tf.Conv2DAttrs>(
    tf.Conv2D,
    ({ x, filter }, attributes) => {
      const info = convolutionInfo(x.shape, filter.shape, attributes, false)
      if (isPointwise(info)) return ops.reshape(ops.matMul(pixels(x), pixels(filter)), info.outShape)
      return ops.one('Conv2D', [x, filter], settings(info))
    },
    ({ x }, attributes) => x.dtype === 'float32' && isPlain(attributes),
  )

  registerKernel<'dy' | 'filter', tf.Conv2DBackpropInputAttrs>(
    tf.Conv2DBackpropInput,
    ({ dy, filter }, attributes) => {
      const { inputShape } = attributes
      const info = convolutionInfo(inputShape, filter.shape, attributes, false)
      if (isPointwise(info)) {
        return ops.reshape(ops.matMul(pixels(dy), pixels(filter), false, true), inputShape)
      }
      return ops.one('Conv2DBackpropInput', [tf.tensor1d(inputShape, 'int32'), filter, dy], settings(info))
    },
    (_, attributes) => isPlain(attributes),
  )

  registerKernel<'x' | 'dy', tf.Conv2DBackpropFilterAttrs>(
    tf.Conv2DBackpropFilter,
    ({ x, dy }, attributes) => {
      const { filterShape } = attributes
      const info = convolutionInfo(x.shape, filterShape, attributes, false)
      if (isPointwise(info)) return ops.reshape(ops.matMul(pixels(x), pixels(dy), true), filterShape)
      return ops.one('Conv2DBackpropFilter', [x, tf.tensor1d(filterShape, 'int32'), dy], settings(info))
    },
    (_, attributes) => isPlain(attributes),
  )
}
