/**
 * @file Sums and means over leading axes or over an image's pixels, and factors by channel.
 */
import * as tf from '@tensorflow/tfjs-core'
import { type Heap, registerKernel } from './heap.ts'
import { OWN } from './names.ts'
import { multipleOf, SUMS, tasksOf, unitsOf } from './partition.ts'

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

/** Images, pixels of one, channels. */
function sizes([batch = 0, height = 0, width = 0, channels = 0]: number[]): [number, number, number] {
  return [batch, height * width, channels]
}

export function registerChannels(heap: Heap): void {
  const { run, address } = heap

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
        const group = multipleOf(16, SUMS / reduced)
        for (let i = 0; i < outer; i++) {
          const from = address(x) + 4 * i * reduced * inner
          const to = address(y) + 4 * i * inner
          run('columnSums', tasksOf(inner, group), group, from, to, reduced, inner, factor)
        }
        return y
      },
      ({ x }, { axis }) => x.dtype === 'float32' && reduction(x, axis) !== null,
    )
  }

  registerKernel<'x', object>(OWN.averagePool, ({ x }) => {
    const [batch, pixels, channels] = sizes(x.shape)
    const y = heap.output([batch, channels])
    const images = unitsOf(SUMS, pixels * channels)
    run('averagePool', tasksOf(batch, images), images, address(x), address(y), batch, pixels, channels)
    return y
  })

  registerKernel<'dy', { shape: number[] }>(OWN.averagePoolGradient, ({ dy }, { shape }) => {
    const [batch, pixels, channels] = sizes(shape)
    const dx = heap.output(shape)
    const images = unitsOf(SUMS, pixels * channels)
    run('averageGradient', tasksOf(batch, images), images, address(dy), address(dx), batch, pixels, channels)
    return dx
  })

  registerKernel<'x' | 's', object>(OWN.scaleChannels, ({ x, s }) => {
    const [batch, pixels, channels] = sizes(x.shape)
    const y = heap.output(x.shape)
    const images = unitsOf(SUMS, pixels * channels)
    run('scale', tasksOf(batch, images), images, address(x), address(s), address(y), batch, pixels, channels)
    return y
  })

  registerKernel<'x' | 's' | 'dy', object>(OWN.scaleChannelsGradient, ({ x, s, dy }) => {
    const [batch, pixels, channels] = sizes(x.shape)
    const dx = heap.output(x.shape)
    const ds = heap.output(s.shape)
    const images = unitsOf(SUMS, pixels * channels)
    run(
      'scaleGradient',
      tasksOf(batch, images),
      images,
      address(x),
      address(s),
      address(dy),
      address(dx),
      address(ds),
      batch,
      pixels,
      channels,
    )
    return [dx, ds]
  })
}
