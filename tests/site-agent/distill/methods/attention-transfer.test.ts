import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { attentionTransferLoss } from '../../../../site-agent/distill/methods/attention-transfer.ts'
import { expectGradient, leaked, map, onEachEngine } from '../support.ts'
import '../../../support/allclose.ts'

const maps = (seed: string, ...channels: number[]): tf.Tensor4D[] =>
  channels.map((width, i) => map(`${seed}/${i}`, 2, 4 - i, 4 - i, width))

onEachEngine('attentionTransferLoss()', () => {
  test('is 0 for the same places at any scale and sign', () => {
    const own = maps('own', 3, 2)
    const louder = own.map((one) => tf.mul<tf.Tensor4D>(one, -7))
    expect(attentionTransferLoss(own, louder).dataSync()[0]).toBeLessThan(1e-12)
  })

  test('is 2/(H·W) a stage for tiles that are looked at in different places', () => {
    const left = tf.tensor4d([1, 0, 0, 0], [1, 2, 2, 1])
    const right = tf.tensor4d([0, 3, 0, 0], [1, 2, 2, 1])
    expect(attentionTransferLoss([left], [right]).dataSync()).toBeAllclose([2 / 4], { relative: 1e-6 })
    expect(attentionTransferLoss([left, left], [right, right]).dataSync()).toBeAllclose([1], {
      relative: 1e-6,
    })
  })

  test('has the gradient of finite differences in every stage', () => {
    const [own, target] = [maps('own', 3, 2), maps('teacher', 5, 2)]
    for (const stage of [0, 1]) {
      const loss = (x: tf.Tensor): tf.Scalar =>
        // Times 100: attentions are shares, and their differences small against float32's rounding.
        tf.mul(attentionTransferLoss(own.with(stage, x as tf.Tensor4D), target), 100)
      expectGradient(loss, own[stage] as tf.Tensor4D, [0, 11, 30])
    }
  })

  test('a tile that is black throughout has a finite gradient', () => {
    const gradient = tf.grad((x: tf.Tensor) => attentionTransferLoss([x as tf.Tensor4D], maps('t', 2)))
    expect(
      gradient(tf.zeros([2, 4, 4, 3]))
        .dataSync()
        .every(Number.isFinite),
    ).toBe(true)
  })

  test('refuses maps of other sizes, and leaves no tensor behind', () => {
    const [own, target] = [maps('own', 3), maps('teacher', 5)]
    expect(() => attentionTransferLoss(own, [map('t', 2, 3, 3, 5)])).toThrow(
      'must have shape [2, 16], got [2, 9]',
    )
    expect(leaked(() => attentionTransferLoss(own, target))).toBe(0)
  })
})
