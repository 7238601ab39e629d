/**
 * @file Conv2D with a 1 × 1 filter, and the two gradients of any Conv2D, as matrix products.
 *
 * With P = batch · height · width pixels, x [P, in], filter W [in, out] and y = x W: dx = dy Wᵀ and dW = xᵀ dy. Larger filters
 * are the same on the windows of x laid out as rows. Their forward pass is the stock kernel's.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Window } from '../wasm/module.ts'
import { type Heap, registerKernel } from './heap.ts'
import { addTransposedProduct, multiply } from './mat-mul.ts'

type Shape4 = [number, number, number, number]

interface ConvolutionAttributes {
  strides: [number, number] | number
  pad: tf.Conv2DAttrs['pad']
  dataFormat?: 'NHWC' | 'NCHW'
  dilations?: [number, number] | number
  dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

/** Sizes and padding of a convolution, as TensorFlow.js works them out. */
export function convolutionInfo(
  xShape: number[],
  filterShape: number[],
  attributes: ConvolutionAttributes,
  depthwise: boolean,
): tf.backend_util.Conv2DInfo {
  const { strides, pad, dimRoundingMode, dilations } = attributes
  return tf.backend_util.computeConv2DInfo(
    xShape as Shape4,
    filterShape as Shape4,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
  )
}

export function windowOf(info: tf.backend_util.Conv2DInfo): Window {
  const { inHeight, inWidth, inChannels, filterHeight, filterWidth, strideHeight, strideWidth } = info
  const { padInfo, outHeight, outWidth } = info
  return [
    inHeight,
    inWidth,
    inChannels,
    filterHeight,
    filterWidth,
    strideHeight,
    strideWidth,
    padInfo.top,
    padInfo.left,
    outHeight,
    outWidth,
  ]
}

/** True when each output pixel sees one input pixel, the one at its place. */
function isPointwise(info: tf.backend_util.Conv2DInfo): boolean {
  const { filterHeight, filterWidth, inHeight, inWidth, outHeight, outWidth, padInfo } = info
  const whole = outHeight === inHeight && outWidth === inWidth
  return filterHeight === 1 && filterWidth === 1 && whole && padInfo.top === 0 && padInfo.left === 0
}

function isPlain({ dataFormat, dilations }: ConvolutionAttributes): boolean {
  const undilated = dilations === undefined || [dilations].flat().every((d) => d === 1)
  return (dataFormat ?? 'NHWC') === 'NHWC' && undilated
}

export function registerConvolution(heap: Heap): void {
  registerKernel<'x' | 'filter', tf.Conv2DAttrs>(
    tf.Conv2D,
    ({ x, filter }, attributes) => {
      const info = convolutionInfo(x.shape, filter.shape, attributes, false)
      const { inChannels, outChannels } = info
      const pixels = info.batchSize * info.inHeight * info.inWidth
      const out = heap.output(info.outShape)
      multiply(
        heap,
        { at: heap.address(x), rows: pixels, columns: inChannels },
        { at: heap.address(filter), rows: inChannels, columns: outChannels },
        heap.address(out),
        false,
        false,
      )
      return out
    },
    ({ x, filter }, attributes) =>
      filter.shape[0] === 1 &&
      filter.shape[1] === 1 &&
      isPlain(attributes) &&
      isPointwise(convolutionInfo(x.shape, filter.shape, attributes, false)),
  )

  registerKernel<'dy' | 'filter', tf.Conv2DBackpropInputAttrs>(
    tf.Conv2DBackpropInput,
    ({ dy, filter }, attributes) => {
      const info = convolutionInfo(attributes.inputShape, filter.shape, attributes, false)
      const { batchSize, inChannels, outChannels, filterHeight, filterWidth, outHeight, outWidth } = info
      const dx = heap.output(attributes.inputShape)
      const weights = {
        at: heap.address(filter),
        rows: filterHeight * filterWidth * inChannels,
        columns: outChannels,
      }
      if (isPointwise(info)) {
        const pixels = { at: heap.address(dy), rows: batchSize * outHeight * outWidth, columns: outChannels }
        multiply(heap, pixels, weights, heap.address(dx), false, true)
        return dx
      }
      heap.clear(dx)
      const rows = outHeight * outWidth
      const columns = heap.output([rows, weights.rows])
      for (let b = 0; b < batchSize; b++) {
        const pixels = { at: heap.address(dy) + 4 * b * rows * outChannels, rows, columns: outChannels }
        multiply(heap, pixels, weights, heap.address(columns), false, true)
        const image = heap.address(dx) + 4 * b * info.inHeight * info.inWidth * inChannels
        heap.kernels.columnsToImage(heap.address(columns), image, ...windowOf(info))
      }
      heap.release(columns)
      return dx
    },
    (_, attributes) => isPlain(attributes),
  )

  registerKernel<'x' | 'dy', tf.Conv2DBackpropFilterAttrs>(
    tf.Conv2DBackpropFilter,
    ({ x, dy }, attributes) => {
      const info = convolutionInfo(x.shape, attributes.filterShape, attributes, false)
      const { batchSize, inChannels, outChannels, filterHeight, filterWidth, outHeight, outWidth } = info
      const dFilter = heap.output(attributes.filterShape)
      heap.clear(dFilter)
      const to = heap.address(dFilter)
      if (isPointwise(info)) {
        const rows = batchSize * outHeight * outWidth
        const pixels = { at: heap.address(x), rows, columns: inChannels }
        addTransposedProduct(heap, pixels, { at: heap.address(dy), rows, columns: outChannels }, to)
        return dFilter
      }
      const rows = outHeight * outWidth
      const columns = filterHeight * filterWidth * inChannels
      const windows = { at: heap.scratch(rows * columns), rows, columns }
      for (let b = 0; b < batchSize; b++) {
        const image = heap.address(x) + 4 * b * info.inHeight * info.inWidth * inChannels
        heap.kernels.imageToColumns(image, windows.at, ...windowOf(info))
        const pixels = { at: heap.address(dy) + 4 * b * rows * outChannels, rows, columns: outChannels }
        addTransposedProduct(heap, windows, pixels, to)
      }
      return dFilter
    },
  )
}
