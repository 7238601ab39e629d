import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { vidLoss, vidModules } from '../../../../site-agent/distill/methods/vid.ts'
import { initialModules } from '../../../../site-agent/distill/modules.ts'
import { busyModules, expectGradient, leaked, map, onEachEngine } from '../support.ts'
import '../../../support/allclose.ts'

const WIDTHS = { student: [3, 2], teacher: [2, 4] }
const maps = (seed: string, channels: readonly number[]): tf.Tensor4D[] =>
  channels.map((width, i) => map(`${seed}/${i}`, 2, 3 - i, 3 - i, width))

test('vidModules() start with variance 5', () => {
  const alpha = initialModules(vidModules(WIDTHS), 'seed').get('vid.2.log_scale') ?? []
  expect([...alpha].map((a) => Math.log1p(Math.exp(a)) + 1e-5)).toBeAllclose([5, 5, 5, 5], { relative: 1e-6 })
})

onEachEngine('vidLoss()', () => {
  test('is ½·log σ² a stage where the regressor is right: here where both are 0', () => {
    const silent = new Map(
      [...busyModules(vidModules(WIDTHS))].map(([name, tensor]) => [
        name,
        name.endsWith('log_scale') ? tf.fill(tensor.shape, 1) : tf.zerosLike(tensor),
      ]),
    )
    const target = WIDTHS.teacher.map((width, i) => tf.zeros<tf.Rank.R4>([2, 3 - i, 3 - i, width]))
    const variance = Math.log1p(Math.exp(1)) + 1e-5
    expect(vidLoss(maps('own', WIDTHS.student), target, silent).dataSync()).toBeAllclose(
      [Math.log(variance)],
      {
        relative: 1e-6,
      },
    )
  })

  test('has the gradient of finite differences in maps, regressors and variances', () => {
    const [own, target] = [maps('own', WIDTHS.student), maps('teacher', WIDTHS.teacher)]
    const modules = busyModules(vidModules(WIDTHS))
    const loss = (x: tf.Tensor): tf.Scalar => vidLoss(own.with(1, x as tf.Tensor4D), target, modules)
    expectGradient(loss, own[1] as tf.Tensor4D, [0, 7, 15])
    for (const name of ['vid.1.regressor.0.weight', 'vid.2.regressor.4.weight', 'vid.1.log_scale']) {
      const at = modules.get(name) as tf.Tensor
      expectGradient((w) => vidLoss(own, target, new Map(modules).set(name, w)), at, [0, 1])
    }
  })

  test('refuses a teacher’s map of another size, and leaves no tensor behind', () => {
    const [own, target] = [maps('own', WIDTHS.student), maps('teacher', WIDTHS.teacher)]
    const modules = busyModules(vidModules(WIDTHS))
    expect(() => vidLoss(own, target.with(0, map('t', 2, 2, 2, 2)), modules)).toThrow(
      'teacher map must have shape [2, 3, 3, 2], got [2, 2, 2, 2]',
    )
    expect(leaked(() => vidLoss(own, target, modules))).toBe(0)
  })
})
