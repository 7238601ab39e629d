import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { semckdLoss, semckdModules } from '../../../../site-agent/distill/methods/semckd.ts'
import { busyModules, expectGradient, leaked, map, onEachEngine } from '../support.ts'
import '../../../support/allclose.ts'

const WIDTHS = { student: [3, 2], teacher: [2, 3] }
const BATCH = 8
const maps = (seed: string, channels: readonly number[], tiles = BATCH): tf.Tensor4D[] =>
  channels.map((width, i) => map(`${seed}/${i}`, tiles, 4 - i, 4 - i, width))
const modulesOf = (): Map<string, tf.Tensor> => busyModules(semckdModules(WIDTHS, BATCH))

onEachEngine('semckdLoss()', () => {
  test('is the mean square of the teacher where regressors give 0 and all its stages are equally far', () => {
    const modules = modulesOf()
    const silent = new Map(
      [...modules].map(([name, tensor]) => [
        name,
        name.endsWith('.6.weight') ? tf.zerosLike(tensor) : tensor,
      ]),
    )
    const target = maps('teacher', WIDTHS.teacher).map((map) => tf.fill<tf.Rank.R4>(map.shape, 3))
    const loss = semckdLoss(maps('own', WIDTHS.student), target, silent, 1)
    // The attention sums to 1 whatever it is.
    expect(loss.dataSync()).toBeAllclose([9], { relative: 1e-5 })
  })

  test('at a high temperature all stages of the teacher count alike, as where all keys are 0', () => {
    const [own, target, modules] = [maps('own', WIDTHS.student), maps('teacher', WIDTHS.teacher), modulesOf()]
    const alike = new Map(
      [...modules].map(([name, tensor]) => [
        name,
        /key\.\d\.linear2/.test(name) ? tf.zerosLike(tensor) : tensor,
      ]),
    )
    const want = semckdLoss(own, target, alike, 1).dataSync()
    expect(semckdLoss(own, target, modules, 1e6).dataSync()).toBeAllclose(want, { relative: 1e-5 })
    expect(semckdLoss(own, target, modules, 0.1).dataSync()).not.toBeAllclose(want, { relative: 1e-3 })
  })

  test('has the gradient of finite differences in maps, embeddings and regressors', () => {
    const [own, target, modules] = [maps('own', WIDTHS.student), maps('teacher', WIDTHS.teacher), modulesOf()]
    const loss = (x: tf.Tensor): tf.Scalar => semckdLoss(own.with(1, x as tf.Tensor4D), target, modules, 1)
    expectGradient(loss, own[1] as tf.Tensor4D, [0, 70, 143])
    for (const name of [
      'semckd.query.1.linear2.weight',
      'semckd.key.2.linear2.bias',
      'semckd.regressor.1.2.1.bias',
      'semckd.regressor.2.1.6.weight',
    ]) {
      const at = modules.get(name) as tf.Tensor
      expectGradient((w) => semckdLoss(own, target, new Map(modules).set(name, w), 1), at, [0, 1])
    }
  })

  test('takes a smaller last batch, and leaves no tensor behind', () => {
    const [own, target, modules] = [maps('o', WIDTHS.student, 3), maps('t', WIDTHS.teacher, 3), modulesOf()]
    expect(semckdLoss(own, target, modules, 1).dataSync()[0]).toBeGreaterThan(0)
    expect(leaked(() => semckdLoss(own, target, modules, 1))).toBe(0)
  })
})
