import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { similarityLoss } from '../../../site-agent/distill/similarity-loss.ts'
import { dot, expectGradient, leaked, matrix, onEachEngine, rowsOf } from './support.ts'
import '../../support/allclose.ts'

onEachEngine('similarityLoss()', () => {
  test('is 0 for the same features, however long and however turned', () => {
    const teacher = matrix('teacher', 4, 3)
    const turned = tf.mul<tf.Tensor2D>(tf.reverse(teacher, 1), 7)
    expect(similarityLoss(turned, teacher).dataSync()).toBeAllclose([0], { absolute: 1e-12 })
  })

  test('agrees with scalar loops, for features of two widths', () => {
    const [student, teacher] = [matrix('student', 5, 4), matrix('teacher', 5, 7)]
    const similarities = (x: number[][]): number[][] =>
      x.map((a) => {
        const row = x.map((b) => dot(a, b))
        const length = Math.hypot(...row)
        return row.map((value) => value / length)
      })
    const [own, wanted] = [similarities(rowsOf(student)), similarities(rowsOf(teacher))]
    const squares = own.flatMap((row, i) => row.map((value, j) => (value - (wanted[i]?.[j] ?? 0)) ** 2))
    const want = squares.reduce((sum, value) => sum + value, 0) / 25
    expect(similarityLoss(student, teacher).dataSync()).toBeAllclose([want], { relative: 1e-5 })
  })

  test('has the gradient of finite differences in the student', () => {
    const teacher = matrix('teacher', 3, 5)
    const loss = (x: tf.Tensor): tf.Scalar => similarityLoss(x as tf.Tensor2D, teacher)
    expectGradient(loss, matrix('student', 3, 4), [0, 6, 11])
  })

  test('has a finite gradient where a tile has no features at all', () => {
    const student = tf.tensor2d([
      [0, 0],
      [1, 2],
    ])
    const slope = tf.grad((x) => similarityLoss(x as tf.Tensor2D, matrix('teacher', 2, 3)))(student)
    expect(slope.dataSync().every(Number.isFinite)).toBe(true)
  })

  test('refuses a teacher of other tiles', () => {
    expect(() => similarityLoss(matrix('s', 2, 3), matrix('t', 3, 3))).toThrow(
      'teacher features must have shape [2, 3], got [3, 3]',
    )
  })

  test('leaves no tensor behind', () => {
    const [student, teacher] = [matrix('s', 2, 3), matrix('t', 2, 4)]
    expect(leaked(() => similarityLoss(student, teacher))).toBe(0)
  })
})
