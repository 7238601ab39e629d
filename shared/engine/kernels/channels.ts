/**
 * @file Sums and means over leading axes or over an image's pixels, and factors by channel.
 */
import * as tf from '@tensorflow/tfjs-core'
import { type Heap, registerKernel } from './heap.ts'
import { OWN } from './names.ts'

/** x seen as [outer, reduced, inner], or null when the reduced axes are not next to each other or reach the last axis. */
function reduction(
  x: tf.TensorInfo,
  axis: number | number[],
): { outer: number; reduced: number; inner: number } | null {
  const axes = tf.util.parseAxisParam(axis, x.shape).toSorted((a, b) => a - b)
  const [first = 0] = axes
  const end = first + axes.length
  if (axes.length === 0 || axes.at(-1) !== end - 1 || end === x.shape.length) return null
  const size = tf.util.sizeFromShape
  return {
    outer: size(x.shape.slice(0, first)),
    reduced: size(x.shape.slice(first, end)),
    inner: size(x.shape.slice(end)),
  }
}

export function registerChannels(heap: Heap): void {
  const { kernels } = heap

  for (const name of [tf.Sum, tf.Mean]) {
    registerKernel<'x', tf.SumAttrs>(
      name,
      ({ x }, { axis, keepDims }) => {
        const parts = reduction(x, axis)
        if (parts === null) throw new Error('internal: reduction must have been given to the stock kernel')
        const { outer, reduced, inner } = parts
        const axes = tf.util.parseAxisParam(axis, x.shape)
        const kept = tf.backend_util.expandShapeToKeepDim(
          x.shape.filter((_, i) => !axes.includes(i)),
          axes,
        )
        const y = heap.output(keepDims ? kept : x.shape.filter((_, i) => !axes.includes(i)))
        const factor = name === tf.Mean ? 1 / reduced : 1
        for (let i = 0; i < outer; i++) {
          const from = heap.address(x) + 4 * i * reduced * inner
          kernels.columnSums(from, heap.address(y) + 4 * i * inner, reduced, inner, factor)
        }
        return y
      },
      ({ x }, { axis }) => x.dtype === 'float32' && reduction(x, axis) !== null,
    )
  }

  registerKernel<'x', object>(OWN.averagePool, ({ x }) => {
    const [batch = 0, height = 0, width = 0, channels = 0] = x.shape
    const y = heap.output([batch, channels])
    kernels.averagePool(heap.address(x), heap.address(y), batch, height * width, channels)
    return y
  })

  registerKernel<'dy', { shape: number[] }>(OWN.averagePoolGradient, ({ dy }, { shape }) => {
    const [batch = 0, height = 0, width = 0, channels = 0] = shape
    const dx = heap.output(shape)
    kernels.averageGradient(heap.address(dy), heap.address(dx), batch, height * width, channels)
    return dx
  })

  registerKernel<'x' | 's', object>(OWN.scaleChannels, ({ x, s }) => {
    const [batch = 0, height = 0, width = 0, channels = 0] = x.shape
    const y = heap.output(x.shape)
    kernels.scale(heap.address(x), heap.address(s), heap.address(y), batch, height * width, channels)
    return y
  })

  registerKernel<'x' | 's' | 'dy', object>(OWN.scaleChannelsGradient, ({ x, s, dy }) => {
    const [batch = 0, height = 0, width = 0, channels = 0] = x.shape
    const dx = heap.output(x.shape)
    const ds = heap.output(s.shape)
    const [from, by, gradient] = [heap.address(x), heap.address(s), heap.address(dy)]
    kernels.scaleGradient(
      from,
      by,
      gradient,
      heap.address(dx),
      heap.address(ds),
      batch,
      height * width,
      channels,
    )
    return [dx, ds]
  })
}
