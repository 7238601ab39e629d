/**
 * @file DepthwiseConv2dNative with one output a channel, and its two gradients.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Window } from '../wasm/module.ts'
import { convolutionInfo, windowOf } from './convolution.ts'
import { type Heap, registerKernel } from './heap.ts'

export function registerDepthwise(heap: Heap): void {
  const { kernels, address } = heap

  registerKernel<'x' | 'filter', tf.DepthwiseConv2dNativeAttrs>(
    tf.DepthwiseConv2dNative,
    ({ x, filter }, attributes) => {
      const info = convolutionInfo(x.shape, filter.shape, attributes, true)
      const window = windowOf(info)
      const y = heap.output(info.outShape)
      const frame = heap.scratch(frameFloats(window))
      kernels.depthwise(address(x), address(filter), address(y), frame, info.batchSize, ...window)
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
      const window = windowOf(info)
      const dx = heap.output(attributes.inputShape)
      const mirrored = mirror(window)
      if (mirrored === null) {
        const frame = heap.scratch(frameFloats(window))
        kernels.depthwiseInputGradient(
          address(dy),
          address(filter),
          address(dx),
          frame,
          info.batchSize,
          ...window,
        )
        return dx
      }
      const taps = info.filterHeight * info.filterWidth
      const frame = heap.scratch(frameFloats(mirrored) + taps * info.inChannels + 4)
      const flipped = frame + 4 * frameFloats(mirrored)
      kernels.flipTaps(address(filter), flipped, taps, info.inChannels)
      kernels.depthwise(address(dy), flipped, address(dx), frame, info.batchSize, ...mirrored)
      return dx
    },
  )

  registerKernel<'x' | 'dy', tf.DepthwiseConv2dNativeBackpropFilterAttrs>(
    tf.DepthwiseConv2dNativeBackpropFilter,
    ({ x, dy }, attributes) => {
      const info = convolutionInfo(x.shape, attributes.filterShape, attributes, true)
      assertOneOutput(info)
      const window = windowOf(info)
      const dFilter = heap.output(attributes.filterShape)
      const frame = heap.scratch(frameFloats(window))
      kernels.depthwiseFilterGradient(
        address(x),
        address(dy),
        address(dFilter),
        frame,
        info.batchSize,
        ...window,
      )
      return dFilter
    },
  )
}

/** The convolution with flipped taps that gives the input gradient: at stride 1 and padding below the filter's size; else null. */
function mirror(window: Window): Window | null {
  const [height, width, channels, kh, kw, strideY, strideX, padTop, padLeft, outHeight, outWidth] = window
  if (strideY !== 1 || strideX !== 1 || padTop >= kh || padLeft >= kw) return null
  return [outHeight, outWidth, channels, kh, kw, 1, 1, kh - 1 - padTop, kw - 1 - padLeft, height, width]
}

/** Room for one image in its frame of zeros: all that the windows of its output span, and a vector's overhang. */
function frameFloats(window: Window): number {
  const [, , channels, filterHeight, filterWidth, strideY, strideX, , , outHeight, outWidth] = window
  const height = (outHeight - 1) * strideY + filterHeight
  return height * ((outWidth - 1) * strideX + filterWidth) * channels + 4
}

function assertOneOutput(info: tf.backend_util.Conv2DInfo): void {
  tf.util.assert(
    info.outChannels === info.inChannels,
    () => `depthwise filter must have 1 output a channel, got ${info.outChannels / info.inChannels}`,
  )
}
