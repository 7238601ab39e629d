/** @file DepthwiseConv2dNative with one output a channel, and its two gradients. */
import * as tf from '@tensorflow/tfjs-core'
import { convolutionInfo } from '../../kernels/convolution.ts'
import type { OpAttribute } from '../binding.ts'
import { type Ops, registerKernel } from './register.ts'

type Info = tf.backend_util.Conv2DInfo

export function registerDepthwise(ops: Ops): void {
  // The bottom and right padding is what the last window reaches into: a rounding mode is settled by it too.
  const settings = (info: Info): OpAttribute[] => {
    const { padInfo, strideHeight, strideWidth, filterHeight, filterWidth } = info
    const bottom = (info.outHeight - 1) * strideHeight + filterHeight - info.inHeight - padInfo.top
    const right = (info.outWidth - 1) * strideWidth + filterWidth - info.inWidth - padInfo.left
    return [
      ops.int('strides', [strideHeight, strideWidth]),
      ops.int('pads', [padInfo.top, padInfo.left, Math.max(0, bottom), Math.max(0, right)]),
    ]
  }

  registerKernel<'x' | 'filter', tf.DepthwiseConv2dNativeAttrs>(
    tf.DepthwiseConv2dNative,
    ({ x, filter }, attributes) =>
      ops.one(
        'TesseraDepthwise',
        [x, filter],
        settings(convolutionInfo(x.shape, filter.shape, attributes, true)),
      ),
    ({ filter }, { dilations }) =>
      filter.shape[3] === 1 && [dilations ?? 1].flat().every((dilation) => dilation === 1),
  )

  registerKernel<'dy' | 'filter', tf.DepthwiseConv2dNativeBackpropInputAttrs>(
    tf.DepthwiseConv2dNativeBackpropInput,
    ({ dy, filter }, attributes) => {
      const info = convolutionInfo(attributes.inputShape, filter.shape, attributes, true)
      assertOneOutput(info)
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

function assertOneOutput({ inChannels, outChannels }: Info): void {
  tf.util.assert(
    outChannels === inChannels,
    () => `depthwise filter must have 1 output a channel, got ${outChannels / inChannels}`,
  )
}
