/**
 * @file Element by element: activations, the optimiser's step, sums by segment, and a clone that does not copy.
 */
import * as tf from '@tensorflow/tfjs-core'
import { type Heap, registerKernel } from './heap.ts'
import { OWN } from './names.ts'
import { EXPONENTIALS, SUMS, tasksOf } from './partition.ts'

export function registerElementwise(heap: Heap): void {
  const { run, address } = heap
  const count = (x: tf.TensorInfo): number => tf.util.sizeFromShape(x.shape)

  // The stock kernel copies, and every tensor that a gradient needs is cloned first. Tensors are immutable: sharing is enough.
  registerKernel<'x', object>(
    tf.Identity,
    ({ x }) => heap.share(x),
    ({ x }) => x.dtype !== 'string',
  )

  registerKernel<'x', object>(
    tf.Sigmoid,
    ({ x }) => {
      const y = heap.output(x.shape)
      run(
        'sigmoid',
        tasksOf(count(x), EXPONENTIALS),
        EXPONENTIALS,
        address(x),
        address(y),
        count(x),
        heap.constants,
      )
      return y
    },
    ({ x }) => x.dtype === 'float32',
  )

  registerKernel<'a' | 'b', object>(
    tf.Add,
    ({ a, b }) => {
      const y = heap.output(a.shape)
      run('add', tasksOf(count(a), SUMS), SUMS, address(a), address(b), address(y), count(a))
      return y
    },
    ({ a, b }) =>
      a.dtype === 'float32' && b.dtype === 'float32' && tf.util.arraysEqual(a.shape, b.shape) && count(a) > 0,
  )

  registerKernel<'x', object>(OWN.swish, ({ x }) => {
    const y = heap.output(x.shape)
    run(
      'swish',
      tasksOf(count(x), EXPONENTIALS),
      EXPONENTIALS,
      address(x),
      address(y),
      count(x),
      heap.constants,
    )
    return y
  })

  registerKernel<'x' | 'dy', object>(OWN.swishGradient, ({ x, dy }) => {
    const dx = heap.output(x.shape)
    const tasks = tasksOf(count(x), EXPONENTIALS)
    run('swishGradient', tasks, EXPONENTIALS, address(x), address(dy), address(dx), count(x), heap.constants)
    return dx
  })

  registerKernel<
    'weight' | 'gradient' | 'velocity',
    { learningRate: number; momentum: number; weightDecay: number }
  >(OWN.sgdMomentum, ({ weight, gradient, velocity }, { learningRate, momentum, weightDecay }) => {
    const newWeight = heap.output(weight.shape)
    const newVelocity = heap.output(weight.shape)
    run(
      'sgdMomentum',
      tasksOf(count(weight), SUMS),
      SUMS,
      address(weight),
      address(gradient),
      address(velocity),
      address(newWeight),
      address(newVelocity),
      count(weight),
      learningRate,
      momentum,
      weightDecay,
    )
    return [newWeight, newVelocity]
  })

  registerKernel<'a' | 'b', { keep: number }>(OWN.towards, ({ a, b }, { keep }) => {
    const y = heap.output(a.shape)
    run('towards', tasksOf(count(a), SUMS), SUMS, address(a), address(b), address(y), count(a), keep)
    return y
  })

  registerKernel<'x' | 'segmentIds', tf.UnsortedSegmentSumAttrs>(
    tf.UnsortedSegmentSum,
    ({ x, segmentIds }, { numSegments }) => {
      const [rows = 0, ...rest] = x.shape
      const sums = heap.output([numSegments, ...rest])
      heap.clear(sums)
      const width = tf.util.sizeFromShape(rest)
      heap.kernels.segmentSum(address(x), address(segmentIds), address(sums), rows, width, numSegments)
      return sums
    },
  )
}
