import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { expectSameOnBoth, normal, valuesOn } from '../support.ts'

type Pad = 'same' | 'valid' | number
interface Case {
  /** batch, height, width, inputs, outputs */
  sizes: [number, number, number, number, number]
  kernel: number
  stride: number
  pad: Pad
}

const cases: Case[] = [
  { sizes: [2, 5, 7, 3, 5], kernel: 1, stride: 1, pad: 0 },
  { sizes: [1, 1, 1, 1, 1], kernel: 1, stride: 1, pad: 'same' },
  { sizes: [2, 8, 8, 16, 24], kernel: 1, stride: 1, pad: 'valid' },
  { sizes: [2, 7, 5, 6, 9], kernel: 1, stride: 2, pad: 0 },
  { sizes: [3, 4, 4, 2, 3], kernel: 1, stride: 1, pad: 1 },
  { sizes: [2, 9, 8, 3, 8], kernel: 3, stride: 2, pad: 1 },
  { sizes: [2, 9, 8, 3, 8], kernel: 3, stride: 2, pad: 'same' },
  { sizes: [2, 6, 6, 5, 7], kernel: 3, stride: 1, pad: 'valid' },
  { sizes: [1, 7, 6, 4, 4], kernel: 5, stride: 2, pad: 'same' },
  { sizes: [1, 5, 5, 1, 2], kernel: 5, stride: 1, pad: 2 },
  // Several tasks.
  { sizes: [3, 30, 31, 22, 37], kernel: 1, stride: 1, pad: 0 },
  { sizes: [3, 33, 30, 5, 18], kernel: 3, stride: 2, pad: 'same' },
  { sizes: [2, 14, 15, 20, 33], kernel: 3, stride: 1, pad: 'same' },
]

const title = '%j'

describe.each(cases)(
  `convolution ${title}`,
  ({ sizes: [batch, height, width, inputs, outputs], kernel, stride, pad }) => {
    const x = (): tf.Tensor4D => normal('x', [batch, height, width, inputs])
    const filter = (): tf.Tensor4D => normal('filter', [kernel, kernel, inputs, outputs])

    test('forward', async () => {
      await expectSameOnBoth(() => [tf.conv2d(x(), filter(), stride, pad)])
    })

    test('both gradients', async () => {
      await expectSameOnBoth(() => {
        const { shape } = tf.conv2d(x(), filter(), stride, pad)
        const weight = normal('dy', shape)
        const loss = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
          tf.mul(tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, stride, pad), weight)
        return tf.grads(loss)([x(), filter()])
      })
    })
  },
)

describe('convolution', () => {
  test('leaves a dilated one to the stock kernel, and refuses its gradient', async () => {
    await expectSameOnBoth(() => [
      tf.conv2d(normal('x', [1, 7, 7, 2]), normal('filter', [3, 3, 2, 3]), 1, 'valid', 'NHWC', 2),
    ])
    const gradient = (): tf.Tensor[] => [
      tf.grad((x) => tf.conv2d(x as tf.Tensor4D, normal('filter', [3, 3, 2, 3]), 1, 'valid', 'NHWC', 2))(
        normal('x', [1, 7, 7, 2]),
      ),
    ]
    await expect(valuesOn('cpu', gradient)).rejects.toThrow(
      'convolution must have dilations of 1 for a gradient, got 2',
    )
  })
})
