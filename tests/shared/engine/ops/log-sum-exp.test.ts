import * as tf from '@tensorflow/tfjs-core'
import { logSumExp, startEngine } from '@tessera/shared/engine'
import { describe, expect, test } from 'vitest'
import { expectGradients, expectSameOnBoth, normal, valuesOn } from '../support.ts'

describe('logSumExp()', () => {
  test('is log K for K equal numbers, however large', async () => {
    const [values] = await valuesOn('wasm', () => [
      logSumExp(tf.tensor2d([1000, 1000, 1000, 1000, -1000, -1000, -1000, -1000], [2, 4])),
    ])
    expect(values ?? []).toBeAllclose([1000 + Math.log(4), -1000 + Math.log(4)], { relative: 1e-7 })
  })

  test.each([1, 2, 3, 4, 5, 8, 17, 20_001])(
    'of rows of %i is the same on both, and its gradient',
    async (columns) => {
      await expectSameOnBoth(() => {
        const x = normal('x', [3, columns], 0, 4)
        const dy = normal('dy', [3, 1])
        return [logSumExp(x), tf.grad((x) => logSumExp(x as tf.Tensor2D))(x, dy)]
      })
    },
  )

  test.each(['wasm', 'cpu'] as const)(
    'has the gradient that finite differences have on %s',
    async (engine) => {
      await startEngine({ engine })
      tf.tidy(() => expectGradients((x) => logSumExp(x as tf.Tensor2D), [normal('x', [4, 9])]))
    },
  )
})
