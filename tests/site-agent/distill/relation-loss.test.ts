import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { relationLoss } from '../../../site-agent/distill/relation-loss.ts'
import { dot, expectGradient, leaked, matrix, onEachEngine, rowsOf } from './support.ts'
import '../../support/allclose.ts'

const huber = (x: number): number => (Math.abs(x) < 1 ? x ** 2 / 2 : Math.abs(x) - 1 / 2)
const less = (a: number[] = [], b: number[] = []): number[] => a.map((value, c) => value - (b[c] ?? 0))

/** Distances over their mean, and cosines, of all pairs and triples in order. */
function byLoops(x: number[][]): { distances: number[]; angles: number[] } {
  const B = x.length
  const lengths = x.flatMap((a) => x.map((b) => Math.hypot(...less(a, b))))
  const mean = lengths.reduce((sum, d) => sum + d, 0) / (B * (B - 1))
  const directions = x.map((from) =>
    x.map((to) => {
      const way = less(to, from)
      const length = Math.hypot(...way)
      return length === 0 ? way : way.map((value) => value / length)
    }),
  )
  const angles = directions.flatMap((row) => row.flatMap((a) => row.map((b) => dot(a, b))))
  return { distances: lengths.map((d) => d / mean), angles }
}

onEachEngine('relationLoss()', () => {
  test('is 0 for features moved, turned and stretched as a whole', () => {
    const teacher = matrix('teacher', 4, 3)
    const alike = tf.add<tf.Tensor2D>(tf.mul(tf.reverse(teacher, 1), 3), 5)
    const { distance, angle } = relationLoss(alike, teacher)
    expect(distance.dataSync()).toBeAllclose([0], { absolute: 1e-9 })
    expect(angle.dataSync()).toBeAllclose([0], { absolute: 1e-9 })
  })

  test('agrees with scalar loops, for features of two widths', () => {
    const [student, teacher] = [matrix('student', 5, 2, 9), matrix('teacher', 5, 6)]
    const [own, wanted] = [byLoops(rowsOf(student)), byLoops(rowsOf(teacher))]
    const mean = (part: 'distances' | 'angles'): number =>
      own[part].reduce((sum, x, i) => sum + huber(x - (wanted[part][i] ?? 0)), 0) / own[part].length
    const { distance, angle } = relationLoss(student, teacher)
    expect(distance.dataSync()).toBeAllclose([mean('distances')], { relative: 1e-5 })
    expect(angle.dataSync()).toBeAllclose([mean('angles')], { relative: 1e-5 })
  })

  test.each(['distance', 'angle'] as const)('has the gradient of finite differences: %s', (part) => {
    const teacher = matrix('teacher', 4, 5)
    const loss = (x: tf.Tensor): tf.Scalar => relationLoss(x as tf.Tensor2D, teacher)[part]
    expectGradient(loss, matrix('student', 4, 3), [0, 6, 11])
  })

  test('has a finite gradient where two tiles are the same', () => {
    const student = tf.tensor2d([
      [1, 2],
      [1, 2],
      [3, 0],
    ])
    const slope = tf.grad((x) => {
      const { distance, angle } = relationLoss(x as tf.Tensor2D, matrix('teacher', 3, 3))
      return tf.add(distance, angle)
    })(student)
    expect(slope.dataSync().every(Number.isFinite)).toBe(true)
  })

  test('refuses a teacher of other tiles', () => {
    expect(() => relationLoss(matrix('s', 2, 3), matrix('t', 3, 3))).toThrow(
      'teacher features must have shape [2, 3], got [3, 3]',
    )
  })

  test('leaves no tensor behind', () => {
    const [student, teacher] = [matrix('s', 3, 3), matrix('t', 3, 4)]
    expect(leaked(() => Object.values(relationLoss(student, teacher)))).toBe(0)
  })
})
