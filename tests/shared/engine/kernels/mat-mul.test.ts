import * as tf from '@tensorflow/tfjs-core'
import { describe, test } from 'vitest'
import { expectSameOnBoth, normal } from '../support.ts'

const transpositions = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const

describe('BatchMatMul', () => {
  // Around the tile of 4 × 8, one row, one column, an inner dimension beyond a block of rows, and a wide product.
  describe.each([
    [1, 1, 1],
    [3, 5, 7],
    [4, 8, 8],
    [5, 9, 17],
    [13, 1, 300],
    [33, 2, 20],
    [7, 2500, 12],
    [2, 3, 70_000],
    // Several tasks: rectangles of the result, parts of a sum, columns of a thin product.
    [170, 130, 121],
    [30, 3000, 47],
    [18, 700, 333],
  ])('%i × %i times × %i', (m, k, n) => {
    test.each(transpositions)('transposed %s, %s', async (transposeA, transposeB) => {
      await expectSameOnBoth(() => {
        const a = normal('a', transposeA ? [k, m] : [m, k])
        const b = normal('b', transposeB ? [n, k] : [k, n])
        return [tf.matMul(a, b, transposeA, transposeB)]
      })
    })
  })

  test.each(transpositions)(
    'multiplies batch by batch, transposed %s, %s',
    async (transposeA, transposeB) => {
      await expectSameOnBoth(() => {
        const a = transposeA ? normal('a', [2, 3, 6, 5]) : normal('a', [2, 3, 5, 6])
        const b = transposeB ? normal('b', [2, 3, 7, 6]) : normal('b', [2, 3, 6, 7])
        return [tf.matMul(a, b, transposeA, transposeB)]
      })
    },
  )

  test('repeats a single matrix over the batch of the other', async () => {
    await expectSameOnBoth(() => [
      tf.matMul(normal('a', [1, 5, 6]), normal('b', [4, 6, 7])),
      tf.matMul(normal('a', [4, 5, 6]), normal('b', [1, 6, 7])),
      tf.matMul(normal('a', [4, 6, 5]), normal('b', [1, 6, 7]), true),
    ])
  })
})
