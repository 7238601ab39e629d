import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { hintLoss, hintRegressor } from '../../../../site-agent/distill/methods/fitnet.ts'
import { busyModules, expectGradient, leaked, map, onEachEngine } from '../support.ts'
import '../../../support/allclose.ts'

const student = (): tf.Tensor4D => map('student', 3, 3, 3, 4)
const teacher = (): tf.Tensor4D => map('teacher', 3, 3, 3, 2)
const regressor = (): Map<string, tf.Tensor> => busyModules(hintRegressor(4, 2))

onEachEngine('hintLoss()', () => {
  test('is 0 where the regressor gives the teacher’s map, and its mean square where it gives 0', () => {
    const [own, target] = [student(), teacher()]
    const silent = new Map(regressor()).set('hint.1.weight', tf.zeros([2])).set('hint.1.bias', tf.zeros([2]))
    const want = tf.mean(tf.square(target)).dataSync()
    expect(hintLoss(own, target, silent, true).dataSync()).toBeAllclose(want, { relative: 1e-6 })
    expect(hintLoss(own, tf.zeros([3, 3, 3, 2]), silent, false).dataSync()[0]).toBe(0)
  })

  test('with a ReLU at the end no output is negative: a negative teacher is further away', () => {
    const [own, negative] = [student(), tf.neg<tf.Tensor4D>(tf.abs(teacher()))]
    const [bent = 0] = hintLoss(own, negative, regressor(), true).dataSync()
    const [least = 0] = tf.mean(tf.square(negative)).dataSync()
    expect(bent).toBeGreaterThanOrEqual(least)
  })

  test('has the gradient of finite differences in map and regressor', () => {
    const [own, target, modules] = [student(), teacher(), regressor()]
    expectGradient((x) => hintLoss(x as tf.Tensor4D, target, modules, false), own, [0, 50, 107])
    for (const [name, places] of [
      ['hint.0.weight', [0, 7]],
      ['hint.1.weight', [0, 1]],
      ['hint.1.bias', [0, 1]],
    ] as const) {
      const at = modules.get(name) as tf.Tensor
      expectGradient((w) => hintLoss(own, target, new Map(modules).set(name, w), false), at, places)
    }
  })

  test('refuses a teacher’s map of another size, and leaves no tensor behind', () => {
    const [own, target, modules] = [student(), teacher(), regressor()]
    expect(() => hintLoss(own, map('t', 3, 2, 2, 2), modules, true)).toThrow(
      'teacher map must have shape [3, 3, 3, 2], got [3, 2, 2, 2]',
    )
    expect(leaked(() => hintLoss(own, target, modules, true))).toBe(0)
  })
})
