import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { modelContrastLoss, modelContrastOf } from '../../../site-agent/distill/model-contrast.ts'
import { expectGradient, leaked, makeStudy, matrix, onEachEngine } from './support.ts'
import '../../support/allclose.ts'

onEachEngine('modelContrastLoss()', () => {
  test('is log 2 when both students see the same', () => {
    const [own, other] = [matrix('own', 3, 4), matrix('other', 3, 4)]
    expect(modelContrastLoss(own, other, other, 0.5).dataSync()).toBeAllclose([Math.log(2)], {
      relative: 1e-6,
    })
  })

  test('falls as the features come near the federation’s and leave the last ones', () => {
    const [global, previous] = [tf.tensor2d([[1, 0]]), tf.tensor2d([[0, 1]])]
    const at = (x: number, y: number): number =>
      modelContrastLoss(tf.tensor2d([[x, y]]), global, previous, 0.5).dataSync()[0] ?? Number.NaN
    // log(1 + e^(∓1/τ)), whatever the length of the features.
    expect([at(9, 0), at(0, 9)]).toEqual([
      expect.closeTo(Math.log(1 + Math.exp(-2)), 5),
      expect.closeTo(Math.log(1 + Math.exp(2)), 5),
    ])
  })

  test('stays finite for the smallest temperature', () => {
    const [own, global] = [tf.tensor2d([[0, 1]]), tf.tensor2d([[1, 0]])]
    expect(modelContrastLoss(own, global, own, 1e-4).dataSync()[0]).toBeCloseTo(1e4, 0)
  })

  test('has the gradient of finite differences', () => {
    const [global, previous] = [matrix('global', 3, 4), matrix('previous', 3, 4)]
    const loss = (x: tf.Tensor): tf.Scalar => modelContrastLoss(x as tf.Tensor2D, global, previous, 0.5)
    expectGradient(loss, matrix('own', 3, 4), [0, 5, 11])
  })

  test('refuses features of other shapes', () => {
    const own = matrix('own', 2, 3)
    expect(() => modelContrastLoss(own, matrix('g', 2, 4), own, 1)).toThrow(
      'global features must have shape [2, 3], got [2, 4]',
    )
    expect(() => modelContrastLoss(own, own, matrix('p', 3, 3), 1)).toThrow(
      'previous features must have shape [2, 3], got [3, 3]',
    )
  })

  test('leaves no tensor behind', () => {
    const own = matrix('own', 2, 3)
    expect(leaked(() => modelContrastLoss(own, own, own, 1))).toBe(0)
  })
})

test('modelContrastOf() is the term of moon, and none for every other strategy', () => {
  const of = (strategy: object): unknown => modelContrastOf(makeStudy({ federation: { strategy } as object }))
  expect(of({ name: 'moon' })).toEqual({ weight: 1, temperature: 0.5 })
  expect(of({ name: 'fedprox' })).toBeNull()
})
