/**
 * @file DepthwiseConv2dNative with one output a channel, and its two gradients.
 *
 * Forward is TensorFlow's op, with the padding as numbers. So is the input gradient at stride 1: a forward pass over dy with the filter turned by
 * half a turn and the rest of the padding. The other gradients are ops of our own.
 */
import * as tf from '@tensorflow/tfjs-core'
import { convolutionInfo } from '../../kernels/convolution.ts'
import type { OpAttribute } from '../binding.ts'
import { type Ops, registerKernel } from './register.ts'

type Info = tf.backend_util.Conv2DInfo

interface Padding {
  top: number
  left: number
  bottom: number
  right: number
}

export function registerDepthwise(ops: Ops): void {
  const forward = (x: tf.Tensor, filter: tf.Tensor, stride: [number, number], pads: Padding): tf.Tensor =>
    ops.one(
      'DepthwiseConv2dNative',
      [x, filter],
      [
        ops.floats('T'),
        ops.int('strides', [1, ...stride, 1]),
        ops.text('padding', 'EXPLICIT'),
        ops.int('explicit_paddings', [0, 0, pads.top, pads.bottom, pads.left, pads.right, 0, 0]),
        ops.text('data_format', 'NHWC'),
        ops.int('dilations', [1, 1, 1, 1]),
      ],
    )

  const settings = (info: Info): OpAttribute[] => {
    const { top, left, bottom, right } = paddingOf(info)
    return [
      ops.int('strides', [info.strideHeight, info.strideWidth]),
      ops.int('pads', [top, left, bottom, right]),
    ]
  }

  registerKernel<'x' | 'filter', tf.DepthwiseConv2dNativeAttrs>(
    tf.DepthwiseConv2dNative,
    ({ x, filter }, attributes) => {
      const info = convolutionInfo(x.shape, filter.shape, attributes, true)
      return forward(x, filter, [info.strideHeight, info.strideWidth], paddingOf(info))
    },
    (_, { dilations }) => [dilations ?? 1].flat().every((dilation) => dilation === 1),
  )

  registerKernel<'dy' | 'filter', tf.DepthwiseConv2dNativeBackpropInputAttrs>(
    tf.DepthwiseConv2dNativeBackpropInput,
    ({ dy, filter }, attributes) => {
      const info = convolutionInfo(attributes.inputShape, filter.shape, attributes, true)
      assertOneOutput(info)
      const rest = restOfPadding(info)
      if (rest !== null) return forward(dy, tf.reverse(filter, [0, 1]), [1, 1], rest)
      const shape = ops.int('shape', attributes.inputShape)
      return ops.one('TesseraDepthwiseInputGradient', [dy, filter], [...settings(info), shape])
    },
  )

  registerKernel<'x' | 'dy', tf.DepthwiseConv2dNativeBackpropFilterAttrs>(
    tf.DepthwiseConv2dNativeBackpropFilter,
    ({ x, dy }, attributes) => {
      const info = convolutionInfo(x.shape, attributes.filterShape, attributes, true)
      assertOneOutput(info)
      const shape = ops.int('shape', attributes.filterShape)
      return ops.one('TesseraDepthwiseFilterGradient', [x, dy], [...settings(info), shape])
    },
  )
}

/** Rounding is settled here: the bottom and right padding is what the last window reaches into. */
function paddingOf(info: Info): Padding {
  const { padInfo, strideHeight, strideWidth, filterHeight, filterWidth } = info
  const { top, left } = padInfo
  const bottom = (info.outHeight - 1) * strideHeight + filterHeight - info.inHeight - top
  const right = (info.outWidth - 1) * strideWidth + filterWidth - info.inWidth - left
  return { top, left, bottom: Math.max(0, bottom), right: Math.max(0, right) }
}

/** The padding of dy for the input gradient as a forward pass; null where there is none: a stride, or more padding than the filter reaches. */
function restOfPadding(info: Info): Padding | null {
  if (info.strideHeight !== 1 || info.strideWidth !== 1) return null
  const top = info.filterHeight - 1 - info.padInfo.top
  const left = info.filterWidth - 1 - info.padInfo.left
  const bottom = info.inHeight - info.outHeight + info.padInfo.top
  const right = info.inWidth - info.outWidth + info.padInfo.left
  return Math.min(top, left, bottom, right) < 0 ? null : { top, left, bottom, right }
}

function assertOneOutput({ inChannels, outChannels }: Info): void {
  tf.util.assert(
    outChannels === inChannels,
    () => `depthwise filter must have 1 output a channel, got ${outChannels / inChannels}`,
  )
}
