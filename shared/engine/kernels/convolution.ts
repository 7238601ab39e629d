/**
 * @file Conv2D and its two gradients as matrix products.
 *
 * With P = batch · height · width pixels, x [P, in], filter W [in, out] and y = x W: dx = dy Wᵀ and dW = xᵀ dy. Larger filters
 * are the same on the windows of x laid out as rows.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Window } from '../wasm/kernels.ts'
import { type Heap, registerKernel } from './heap.ts'
import { addTransposedProduct, type Matrix, multiply, pack, packedFloats } from './mat-mul.ts'
import { multipleOf, SUMS, tasksOf, unitsOf } from './partition.ts'

/** Windows laid out at a time for a filter's gradient: 16 MiB. */
const COLUMN_FLOATS = 4_194_304

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

/** Output rows whose windows are laid out at a time: about 64 pixels, few enough for the second-level cache. */
function rowsATime({ outWidth }: tf.backend_util.Conv2DInfo): number {
  return Math.max(1, Math.ceil(64 / Math.max(1, outWidth)))
}

/** The filter as a matrix [height · width · in, out]. */
function matrixOf(heap: Heap, filter: tf.TensorInfo, info: tf.backend_util.Conv2DInfo): Matrix {
  const rows = info.filterHeight * info.filterWidth * info.inChannels
  return { at: heap.address(filter), rows, columns: info.outChannels }
}

/** Packs the filter or its transpose, and gives room of `floats` a thread behind it. */
function packFilter(
  heap: Heap,
  filter: Matrix,
  transposed: boolean,
  floats: number,
): { packed: number; room: number; roomBytes: number } {
  const panels = transposed
    ? packedFloats(filter.columns, filter.rows)
    : packedFloats(filter.rows, filter.columns)
  // A cache line more, so that two threads do not write to one.
  const roomBytes = 4 * multipleOf(16, floats + 16)
  const packed = heap.scratch(panels + (heap.threads * roomBytes) / 4)
  pack(heap, filter, packed, transposed)
  return { packed, room: packed + 4 * panels, roomBytes }
}

export function registerConvolution(heap: Heap): void {
  const { run, address } = heap

  registerKernel<'x' | 'filter', tf.Conv2DAttrs>(
    tf.Conv2D,
    ({ x, filter }, attributes) => {
      const info = convolutionInfo(x.shape, filter.shape, attributes, false)
      const { batchSize, inChannels, outChannels, outHeight, outWidth } = info
      const y = heap.output(info.outShape)
      const weights = matrixOf(heap, filter, info)
      if (isPointwise(info)) {
        const pixels = { at: address(x), rows: batchSize * outHeight * outWidth, columns: inChannels }
        multiply(heap, pixels, weights, address(y), false, false)
        return y
      }
      const part = rowsATime(info)
      const { packed, room, roomBytes } = packFilter(heap, weights, false, part * outWidth * weights.rows)
      run(
        'convolve',
        tasksOf(batchSize * outHeight, part),
        part,
        roomBytes,
        address(x),
        packed,
        address(y),
        room,
        outChannels,
        batchSize,
        ...windowOf(info),
      )
      return y
    },
    (_, attributes) => isPlain(attributes),
  )

  registerKernel<'dy' | 'filter', tf.Conv2DBackpropInputAttrs>(
    tf.Conv2DBackpropInput,
    ({ dy, filter }, attributes) => {
      const info = convolutionInfo(attributes.inputShape, filter.shape, attributes, false)
      const { batchSize, outChannels, outHeight, outWidth } = info
      const dx = heap.output(attributes.inputShape)
      const weights = matrixOf(heap, filter, info)
      if (isPointwise(info)) {
        const pixels = { at: address(dy), rows: batchSize * outHeight * outWidth, columns: outChannels }
        multiply(heap, pixels, weights, address(dx), false, true)
        return dx
      }
      const { packed, room, roomBytes } = packFilter(heap, weights, true, outWidth * weights.rows)
      const [from, to, window] = [address(dy), address(dx), windowOf(info)]
      run('convolveInputGradient', batchSize, roomBytes, from, packed, to, room, outChannels, ...window)
      return dx
    },
    (_, attributes) => isPlain(attributes),
  )

  registerKernel<'x' | 'dy', tf.Conv2DBackpropFilterAttrs>(
    tf.Conv2DBackpropFilter,
    ({ x, dy }, attributes) => {
      const info = convolutionInfo(x.shape, attributes.filterShape, attributes, false)
      const { batchSize, inHeight, inWidth, inChannels, outChannels, outHeight, outWidth } = info
      const dFilter = heap.output(attributes.filterShape)
      heap.clear(dFilter)
      const { rows: columns } = matrixOf(heap, dFilter, info)
      const rows = outHeight * outWidth
      if (isPointwise(info)) {
        const pixels = { at: address(x), rows: batchSize * rows, columns: inChannels }
        const gradient = { at: address(dy), rows: batchSize * rows, columns: outChannels }
        addTransposedProduct(heap, pixels, gradient, address(dFilter))
        return dFilter
      }
      const images = unitsOf(COLUMN_FLOATS, rows * columns)
      const windows = heap.output([Math.min(images, batchSize) * rows, columns])
      const part = unitsOf(SUMS, outWidth * columns)
      for (let b = 0; b < batchSize; b += images) {
        const count = Math.min(images, batchSize - b)
        const image = address(x) + 4 * b * inHeight * inWidth * inChannels
        const tasks = tasksOf(count * outHeight, part)
        run('imageToColumns', tasks, part, image, address(windows), count, ...windowOf(info))
        const gradient = address(dy) + 4 * b * rows * outChannels
        addTransposedProduct(
          heap,
          { at: address(windows), rows: count * rows, columns },
          { at: gradient, rows: count * rows, columns: outChannels },
          address(dFilter),
        )
      }
      heap.release(windows)
      return dFilter
    },
    (_, attributes) => isPlain(attributes),
  )
}
