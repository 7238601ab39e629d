import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { projectionHead, projectionHeadOf } from '../../../site-agent/distill/projection-head.ts'
import { expectGradient, layer, leaked, linearByLoops, matrix, onEachEngine, rowsOf } from './support.ts'
import '../../support/allclose.ts'

const head = (): { fc1: ReturnType<typeof layer>; fc2: ReturnType<typeof layer> } => ({
  fc1: layer('fc1', 5, 5),
  fc2: layer('fc2', 3, 5),
})
/** Fixed weights of a sum, so that the gradient of a unit vector's sum is not the same everywhere. */
const mix = (y: tf.Tensor): tf.Scalar =>
  tf.sum(
    tf.mul(
      y,
      tf.tensor2d([
        [0.3, -1, 2],
        [1, 0.5, -0.2],
      ]),
    ),
  )

onEachEngine('projectionHead()', () => {
  test('is the positive part, to unit length, when both layers are the identity', () => {
    const identity = { weight: tf.eye(2), bias: tf.zeros<tf.Rank.R1>([2]) }
    const y = projectionHead(
      tf.tensor2d([
        [3, 4],
        [-1, 2],
      ]),
      { fc1: identity, fc2: identity },
    )
    expect(y.dataSync()).toBeAllclose([0.6, 0.8, 0, 1], { absolute: 1e-6 })
  })

  test('agrees with scalar loops', () => {
    const { fc1, fc2 } = head()
    const x = matrix('x', 4, 5)
    const hidden = linearByLoops(rowsOf(x), fc1).map((row) => row.map((v) => Math.max(v, 0)))
    const want = linearByLoops(hidden, fc2).flatMap((row) => row.map((v) => v / Math.hypot(...row)))
    // Sums of five float32 products, then a division by their norm: a few units in the last place.
    expect(projectionHead(x, { fc1, fc2 }).dataSync()).toBeAllclose(want, { absolute: 2e-6 })
  })

  test('gives a row of zeros for a row of zeros, and a finite gradient', () => {
    const zero = { weight: tf.zeros<tf.Rank.R2>([2, 2]), bias: tf.zeros<tf.Rank.R1>([2]) }
    const x = tf.ones<tf.Rank.R2>([1, 2])
    expect([...projectionHead(x, { fc1: zero, fc2: zero }).dataSync()]).toEqual([0, 0])
    const gradient = tf.grad((x: tf.Tensor) =>
      tf.sum(projectionHead(x as tf.Tensor2D, { fc1: zero, fc2: zero })),
    )(x)
    expect([...gradient.dataSync()]).toEqual([0, 0])
  })

  test('has the gradient of finite differences in features and weights', () => {
    const { fc1, fc2 } = head()
    const x = matrix('x', 2, 5)
    expectGradient((v) => mix(projectionHead(v as tf.Tensor2D, { fc1, fc2 })), x, [0, 3, 7])
    expectGradient(
      (v) => mix(projectionHead(x, { fc1: { ...fc1, weight: v as tf.Tensor2D }, fc2 })),
      fc1.weight,
      [0, 11, 24],
    )
    expectGradient(
      (v) => mix(projectionHead(x, { fc1, fc2: { ...fc2, bias: v as tf.Tensor1D } })),
      fc2.bias,
      [0, 1, 2],
    )
  })

  test('refuses features of another width', () => {
    expect(() => projectionHead(matrix('x', 2, 4), head())).toThrow(
      'features must have shape [2, 5], got [2, 4]',
    )
  })

  test('leaves no tensor behind', () => {
    const [x, parts] = [matrix('x', 2, 5), head()]
    expect(leaked(() => projectionHead(x, parts))).toBe(0)
  })
})

onEachEngine('projectionHeadOf()', () => {
  test('picks the layers of a name', () => {
    const { fc1, fc2 } = head()
    const tensors = new Map<string, tf.Tensor>([
      ['h.fc1.weight', fc1.weight],
      ['h.fc1.bias', fc1.bias],
      ['h.fc2.weight', fc2.weight],
      ['h.fc2.bias', fc2.bias],
    ])
    expect(projectionHeadOf(tensors, 'h')).toEqual({ fc1, fc2 })
    expect(() => projectionHeadOf(tensors, 'other')).toThrow('tensors must have other.fc1.weight')
    tensors.set('h.fc2.weight', matrix('w', 3, 4))
    expect(() => projectionHeadOf(tensors, 'h')).toThrow('h.fc2.weight must have shape [3, 5], got [3, 4]')
    tensors.set('h.fc2.weight', tf.zeros([3, 5, 1]))
    expect(() => projectionHeadOf(tensors, 'h')).toThrow(
      'h.fc2.weight must have shape [outputs, inputs], got [3, 5, 1]',
    )
  })
})
