import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { expectSameOnBoth, normal, OURS, valuesOn } from '../support.ts'

type Pad = 'same' | 'valid' | number

// batch, height, width, channels; kernel; stride; padding
const cases: [[number, number, number, number], number, number, Pad][] = [
  [[2, 8, 8, 8], 3, 1, 'same'],
  [[2, 9, 7, 5], 3, 1, 1],
  [[1, 8, 6, 7], 3, 2, 1],
  [[2, 7, 8, 4], 3, 2, 'same'],
  [[2, 6, 5, 3], 3, 1, 'valid'],
  [[1, 9, 8, 6], 5, 1, 'same'],
  [[2, 8, 9, 9], 5, 2, 2],
  [[1, 7, 7, 1], 5, 2, 'valid'],
  [[2, 2, 2, 12], 5, 1, 2],
  [[1, 1, 1, 5], 3, 1, 1],
  [[1, 6, 6, 5], 2, 1, 'same'],
  [[1, 9, 9, 6], 7, 2, 3],
  [[1, 4, 4, 2], 1, 1, 1],
  [[2, 5, 6, 3], 1, 3, 0],
  // Several tasks, bands of an image, and more than sixteen channels.
  [[3, 60, 41, 37], 3, 1, 'same'],
  [[9, 21, 22, 20], 5, 2, 'same'],
  [[2, 70, 40, 33], 5, 1, 2],
]

describe.each(cases)('depthwise %j, kernel %i, stride %i, pad %s', (shape, kernel, stride, pad) => {
  const x = (): tf.Tensor4D => normal('x', shape)
  const filter = (): tf.Tensor4D => normal('filter', [kernel, kernel, shape[3], 1])

  test('forward', async () => {
    await expectSameOnBoth(() => [tf.depthwiseConv2d(x(), filter(), stride, pad)])
  })

  test('both gradients', async () => {
    await expectSameOnBoth(() => {
      const weight = normal('dy', tf.depthwiseConv2d(x(), filter(), stride, pad).shape)
      const loss = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
        tf.mul(tf.depthwiseConv2d(a as tf.Tensor4D, b as tf.Tensor4D, stride, pad), weight)
      return tf.grads(loss)([x(), filter()])
    })
  })
})

describe('depthwise', () => {
  test('leaves two outputs a channel to the stock kernel', async () => {
    await expectSameOnBoth(() => [
      tf.depthwiseConv2d(normal('x', [1, 5, 5, 3]), normal('filter', [3, 3, 3, 2]), 1, 'same'),
    ])
  })

  test('refuses the gradient of two outputs a channel', async () => {
    const gradient = (): tf.Tensor[] => [
      tf.grad((x) => tf.depthwiseConv2d(x as tf.Tensor4D, normal('filter', [3, 3, 3, 2]), 1, 'same'))(
        normal('x', [1, 5, 5, 3]),
      ),
    ]
    await expect(valuesOn(OURS, gradient)).rejects.toThrow('must have 1 output a channel, got 2')
  })

  test('does not let a pixel that is not a number reach windows that do not see it', async () => {
    const [values] = await valuesOn(OURS, () => {
      const x = new Float32Array(25).fill(1)
      x[0] = Number.NaN
      return [tf.depthwiseConv2d(tf.tensor4d(x, [1, 5, 5, 1]), tf.ones([3, 3, 1, 1]), 1, 'same')]
    })
    expect(values?.map((value) => Number(Number.isNaN(value)))).toEqual(
      Float32Array.from({ length: 25 }, (_, i) => Number([0, 1, 5, 6].includes(i))),
    )
  })
})
