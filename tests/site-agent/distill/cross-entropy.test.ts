import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { crossEntropy } from '../../../site-agent/distill/cross-entropy.ts'
import { expectGradient, leaked, logSumExpOf, matrix, onEachEngine, rowsOf } from './support.ts'
import '../../support/allclose.ts'

const labels = (): tf.Tensor1D => tf.tensor1d([2, 0, 1, 2], 'int32')

onEachEngine('crossEntropy()', () => {
  test('is log N when nothing is told apart', () => {
    expect(crossEntropy(tf.ones([4, 5]), labels()).dataSync()).toBeAllclose([Math.log(5)], { absolute: 1e-6 })
  })

  test('agrees with scalar loops', () => {
    const logits = matrix('logits', 4, 3, 2)
    const want =
      rowsOf(logits).reduce((sum, row, i) => sum + logSumExpOf(row) - (row[[2, 0, 1, 2][i] ?? 0] ?? 0), 0) / 4
    expect(crossEntropy(logits, labels()).dataSync()).toBeAllclose([want], { relative: 1e-6 })
  })

  test('has the gradient (softmax − one-hot)/B', () => {
    const logits = matrix('logits', 4, 3)
    expectGradient((z) => crossEntropy(z as tf.Tensor2D, labels()), logits, [0, 2, 7, 11])
    const sums = tf.sum(tf.grad((z: tf.Tensor) => crossEntropy(z as tf.Tensor2D, labels()))(logits), 1)
    expect(sums.dataSync()).toBeAllclose([0, 0, 0, 0], { absolute: 1e-7 })
  })

  test('refuses labels of another batch', () => {
    expect(() => crossEntropy(matrix('logits', 3, 3), labels())).toThrow(
      'labels must have shape [3], got [4]',
    )
  })

  test('leaves no tensor behind', () => {
    const [logits, classes] = [matrix('logits', 4, 3), labels()]
    expect(leaked(() => crossEntropy(logits, classes))).toBe(0)
  })
})
