/**
 * @file DepthwiseConv2dNative with one output a channel, and its two gradients.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Window } from '../wasm/kernels.ts'
import { convolutionInfo, windowOf } from './convolution.ts'
import { type Heap, registerKernel } from './heap.ts'
import { multipleOf, SUMS, tasksOf } from './partition.ts'

/** Channels of a task: a cache line. */
const GROUP = 16
/** Floats of a band of an image, all its channels: 256 KiB, which stay in the second-level cache until the last channel. */
const BAND_FLOATS = 65_536
/** Parts of the sum over the images of a batch. */
const PARTS = 8

export function registerDepthwise(heap: Heap): void {
  const { kernels, run, address } = heap

  /** y = x * filter, all by address. The frames are put to `frames`. */
  function convolve(
    x: number,
    filter: number,
    y: number,
    frames: number,
    batch: number,
    window: Window,
  ): void {
    const [, , , , , , , , , outHeight] = window
    const rows = bandRows(window)
    const tasks = batch * tasksOf(outHeight, rows)
    run('depthwise', tasks, rows, frameBytes(window, rows), x, filter, y, frames, ...window)
  }

  registerKernel<'x' | 'filter', tf.DepthwiseConv2dNativeAttrs>(
    tf.DepthwiseConv2dNative,
    ({ x, filter }, attributes) => {
      const info = convolutionInfo(x.shape, filter.shape, attributes, true)
      const window = windowOf(info)
      const y = heap.output(info.outShape)
      const frames = heap.scratch((heap.threads * frameBytes(window, bandRows(window))) / 4)
      convolve(address(x), address(filter), address(y), frames, info.batchSize, window)
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
      const { batchSize, inChannels, outHeight } = info
      const window = windowOf(info)
      const dx = heap.output(attributes.inputShape)
      const mirrored = mirror(window)
      if (mirrored === null) {
        const bytes = frameBytes(window, outHeight)
        const frames = heap.scratch((heap.threads * bytes) / 4)
        const tasks = batchSize * tasksOf(inChannels, GROUP)
        const [from, taps, to] = [address(dy), address(filter), address(dx)]
        run('depthwiseInputGradient', tasks, bytes, from, taps, to, frames, ...window)
        return dx
      }
      const taps = info.filterHeight * info.filterWidth
      const floats = (heap.threads * frameBytes(mirrored, bandRows(mirrored))) / 4
      const frames = heap.scratch(floats + taps * inChannels + 4)
      const flipped = frames + 4 * floats
      kernels.flipTaps(address(filter), flipped, taps, inChannels)
      convolve(address(dy), flipped, address(dx), frames, batchSize, mirrored)
      return dx
    },
  )

  registerKernel<'x' | 'dy', tf.DepthwiseConv2dNativeBackpropFilterAttrs>(
    tf.DepthwiseConv2dNativeBackpropFilter,
    ({ x, dy }, attributes) => {
      const info = convolutionInfo(x.shape, attributes.filterShape, attributes, true)
      assertOneOutput(info)
      const { batchSize, inChannels } = info
      const window = windowOf(info)
      const dFilter = heap.output(attributes.filterShape)
      const count = info.filterHeight * info.filterWidth * inChannels
      const images = Math.max(1, Math.ceil(batchSize / PARTS))
      const parts = tasksOf(batchSize, images)
      const rows = bandRows(window)
      const bytes = frameBytes(window, rows)
      const frames = heap.scratch((heap.threads * bytes) / 4 + parts * count + 4)
      const sums = frames + heap.threads * bytes
      run(
        'depthwiseFilterGradient',
        parts,
        images,
        rows,
        bytes,
        address(x),
        address(dy),
        sums,
        frames,
        batchSize,
        ...window,
      )
      run('sumParts', tasksOf(count, SUMS), SUMS, sums, address(dFilter), parts, count, count, 0)
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

/** Output rows of a band: as many as the second-level cache holds the input of. */
function bandRows(window: Window): number {
  const [, , channels, filterHeight, , strideY, , , , outHeight] = window
  const rows = Math.floor((BAND_FLOATS / (frameWidth(window) * channels) - filterHeight) / strideY) + 1
  return Math.max(1, Math.min(outHeight, rows))
}

/** Bytes of the frame of a band: all that the windows of its output pixels span. */
function frameBytes(window: Window, rows: number): number {
  const [, , , filterHeight, , strideY] = window
  return 4 * multipleOf(16, ((rows - 1) * strideY + filterHeight) * frameWidth(window) * GROUP)
}

function frameWidth([, , , , filterWidth, , strideX, , , , outWidth]: Window): number {
  return (outWidth - 1) * strideX + filterWidth
}

function assertOneOutput(info: tf.backend_util.Conv2DInfo): void {
  tf.util.assert(
    info.outChannels === info.inChannels,
    () => `depthwise filter must have 1 output a channel, got ${info.outChannels / info.inChannels}`,
  )
}
