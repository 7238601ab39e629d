/**
 * @file DepthwiseConv2dNative with one output a channel, and its two gradients.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Window } from '../wasm/module.ts'
import { convolutionInfo, windowOf } from './convolution.ts'
import { type Heap, registerKernel } from './heap.ts'

export function registerDepthwise(heap: Heap): void {
  const { kernels } = heap

  registerKernel<'x' | 'filter', tf.DepthwiseConv2dNativeAttrs>(
    tf.DepthwiseConv2dNative,
    ({ x, filter }, attributes) => {
      const info = convolutionInfo(x.shape, filter.shape, attributes, true)
      const y = heap.output(info.outShape)
      kernels.depthwise(
        heap.address(x),
        heap.address(filter),
        heap.address(y),
        info.batchSize,
        ...windowOf(info),
      )
      return y
    },
    ({ filter }, { dilations }) =>
      filter.shape[3] === 1 && [dilations ?? 1].flat().every((dilation) => dilation === 1),
  )

  registerKernel<'dy' | 'filter', tf.DepthwiseConv2dNativeBackpropInputAttrs>(
    tf.DepthwiseConv2dNativeBackpropInput,
    ({ dy, filter }, attributes) => {
      const info = convolutionInfo(attributes.inputShape, filter.shape, attributes, true)
      assertOneOutput(info)
      const { inHeight, inWidth, inChannels, filterHeight, filterWidth, padInfo, outHeight, outWidth } = info
      const dx = heap.output(attributes.inputShape)
      const [from, to] = [heap.address(dy), heap.address(dx)]
      if (info.strideHeight !== 1 || info.strideWidth !== 1) {
        kernels.depthwiseInputGradient(from, heap.address(filter), to, info.batchSize, ...windowOf(info))
        return dx
      }
      const taps = filterHeight * filterWidth
      const flipped = heap.scratch(taps * inChannels + 4)
      kernels.flipTaps(heap.address(filter), flipped, taps, inChannels)
      const [padTop, padLeft] = [filterHeight - 1 - padInfo.top, filterWidth - 1 - padInfo.left]
      const out: Window = [
        outHeight,
        outWidth,
        inChannels,
        filterHeight,
        filterWidth,
        1,
        1,
        padTop,
        padLeft,
        inHeight,
        inWidth,
      ]
      kernels.depthwise(from, flipped, to, info.batchSize, ...out)
      return dx
    },
  )

  registerKernel<'x' | 'dy', tf.DepthwiseConv2dNativeBackpropFilterAttrs>(
    tf.DepthwiseConv2dNativeBackpropFilter,
    ({ x, dy }, attributes) => {
      const info = convolutionInfo(x.shape, attributes.filterShape, attributes, true)
      assertOneOutput(info)
      const dFilter = heap.output(attributes.filterShape)
      const [from, by, to] = [heap.address(x), heap.address(dy), heap.address(dFilter)]
      kernels.depthwiseFilterGradient(from, by, to, info.batchSize, ...windowOf(info))
      return dFilter
    },
  )
}

function assertOneOutput(info: tf.backend_util.Conv2DInfo): void {
  tf.util.assert(
    info.outChannels === info.inChannels,
    () => `depthwise filter must have 1 output a channel, got ${info.outChannels / info.inChannels}`,
  )
}
