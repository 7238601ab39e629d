import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { adaptiveAveragePool } from '../../../site-agent/distill/adaptive-pool.ts'
import { expectGradient, leaked, map, onEachEngine } from './support.ts'
import '../../support/allclose.ts'

onEachEngine('adaptiveAveragePool()', () => {
  test('is the mean of cells side by side where the size divides', () => {
    const x = map('x', 2, 4, 4, 3)
    const want = tf.avgPool(x, 2, 2, 'valid').dataSync()
    const pooled = adaptiveAveragePool(x, 2)
    expect(pooled.shape).toEqual([2, 2, 2, 3])
    expect(pooled.dataSync()).toBeAllclose(want, { absolute: 1e-6 })
  })

  test('lets cells overlap where it does not: 3 by 3 to 2 by 2', () => {
    const x = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1])
    expect(adaptiveAveragePool(x, 2).dataSync()).toBeAllclose([3, 4, 6, 7], { absolute: 1e-6 })
  })

  test('leaves a map of the size as it is', () => {
    const x = map('x', 2, 3, 3, 2)
    expect(adaptiveAveragePool(x, 3)).toBe(x)
  })

  test('has the gradient of finite differences', () => {
    const weights = map('weights', 1, 3, 3, 2)
    const loss = (x: tf.Tensor): tf.Scalar =>
      tf.sum(tf.mul(adaptiveAveragePool(x as tf.Tensor4D, 3), weights))
    expectGradient(loss, map('x', 1, 5, 5, 2), [0, 13, 24, 49])
  })

  test('leaves no tensor behind', () => {
    const x = map('x', 1, 5, 5, 2)
    expect(leaked(() => adaptiveAveragePool(x, 2))).toBe(0)
  })
})
