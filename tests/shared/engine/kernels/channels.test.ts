import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { expectSameOnBoth, normal, OURS, valuesOn } from '../support.ts'

const reductions: [string, (x: tf.Tensor, axes: number[], keep: boolean) => tf.Tensor][] = [
  ['sum', (x, axes, keep) => tf.sum(x, axes, keep)],
  ['mean', (x, axes, keep) => tf.mean(x, axes, keep)],
]

describe.each(reductions)('%s', (_, reduce) => {
  // Leading axes and axes in the middle are ours; the last axis, all of them, and axes apart are the stock kernel's.
  test.each([
    [[0]],
    [[0, 1]],
    [[0, 1, 2]],
    [[1, 2]],
    [[1]],
    [[2, 1]],
    [[3]],
    [[0, 1, 2, 3]],
    [[0, 2]],
    [[-1]],
  ])('over axes %j', async (axes) => {
    await expectSameOnBoth(() => {
      const x = normal('x', [3, 4, 5, 37])
      return [reduce(x, axes, false), reduce(x, axes, true)]
    })
  })

  test('gives the reduced shape', async () => {
    await valuesOn(OURS, () => {
      const x = normal('x', [3, 4, 5, 6])
      expect(reduce(x, [0, 1], false).shape).toEqual([5, 6])
      expect(reduce(x, [1, 2], true).shape).toEqual([3, 1, 1, 6])
      return []
    })
  })
})

describe('sum', () => {
  test('of integers stays exact', async () => {
    const [values] = await valuesOn(OURS, () => [
      tf.sum(
        tf.tensor2d(
          [
            [16777217, 1],
            [1, 2],
          ],
          [2, 2],
          'int32',
        ),
        0,
      ),
    ])
    expect([...(values ?? [])]).toEqual([16777218, 3])
  })
})
