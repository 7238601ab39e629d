import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { klDivergence } from '../../../site-agent/distill/kl-divergence.ts'
import { expectGradient, leaked, logSumExpOf, matrix, onEachEngine, rowsOf } from './support.ts'
import '../../support/allclose.ts'

onEachEngine('klDivergence()', () => {
  test('is 0 when both agree, whatever is added to all logits of a row', () => {
    const logits = matrix('logits', 3, 4)
    expect(klDivergence(tf.add(logits, 5), logits, 4).dataSync()).toBeAllclose([0], { absolute: 1e-5 })
  })

  test('is T²·log N when the teacher is certain and the student undecided', () => {
    const teacher = tf.tensor2d([[0, 400, 0]])
    expect(klDivergence(tf.zeros([1, 3]), teacher, 2).dataSync()).toBeAllclose([4 * Math.log(3)], {
      relative: 1e-6,
    })
  })

  test('agrees with scalar loops, mean over the batch', () => {
    const [student, teacher] = [matrix('student', 5, 3, 2), matrix('teacher', 5, 3, 2)]
    const logSoftmax = (row: number[]): number[] => row.map((z) => z / 4 - logSumExpOf(row.map((v) => v / 4)))
    const want =
      rowsOf(teacher).reduce((sum, row, i) => {
        const [p, q] = [logSoftmax(row), logSoftmax(rowsOf(student)[i] ?? [])]
        return sum + p.reduce((kl, logP, n) => kl + Math.exp(logP) * (logP - (q[n] ?? 0)), 0)
      }, 0) *
      (16 / 5)
    expect(klDivergence(student, teacher, 4).dataSync()).toBeAllclose([want], { relative: 1e-5 })
  })

  test('has the gradient of finite differences in the student', () => {
    const teacher = matrix('teacher', 3, 4, 2)
    expectGradient((z) => klDivergence(z as tf.Tensor2D, teacher, 2), matrix('student', 3, 4), [0, 6, 11])
  })

  test('refuses a teacher with other classes', () => {
    expect(() => klDivergence(matrix('s', 2, 3), matrix('t', 2, 4), 4)).toThrow(
      'teacher logits must have shape [2, 3], got [2, 4]',
    )
  })

  test('leaves no tensor behind', () => {
    const [student, teacher] = [matrix('s', 2, 3), matrix('t', 2, 3)]
    expect(leaked(() => klDivergence(student, teacher, 4))).toBe(0)
  })
})
