import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import {
  keyFeatures,
  type MomaSettings,
  momaLoss,
  type Targets,
  weightedSum,
} from '../../../site-agent/distill/moma-step.ts'
import { expectGradient, layer, leaked, matrix, onEachEngine } from './support.ts'
import '../../support/allclose.ts'

const [B, D, C, N, K] = [4, 5, 6, 3, 7]
const SETTINGS: MomaSettings = {
  heads: 2,
  temperature: 0.5,
  klTemperature: 4,
  weights: { ce: 1, kl: 0.5, nce: 2 },
}
const head = (seed: string): { fc1: ReturnType<typeof layer>; fc2: ReturnType<typeof layer> } => ({
  fc1: layer(`${seed}/1`, D, D),
  fc2: layer(`${seed}/2`, C, D),
})
const attention = (seed: string): { qkv: ReturnType<typeof layer>; proj: ReturnType<typeof layer> } => ({
  qkv: layer(`${seed}/qkv`, 3 * C, C),
  proj: layer(`${seed}/proj`, C, C),
})
const query = () => ({
  features: matrix('features', B, D),
  logits: matrix('logits', B, N),
  head: head('student'),
  attention: attention('query'),
})
const targets = (changes: Partial<Targets> = {}): Targets => ({
  labels: tf.tensor1d([0, 2, 1, 1], 'int32'),
  teacherLogits: matrix('teacher logits', B, N),
  key: matrix('key', B, C),
  queue: matrix('queue', K, C),
  ...changes,
})
const value = (scalar: tf.Scalar | null): number => scalar?.dataSync()[0] ?? Number.NaN

onEachEngine('momaLoss()', () => {
  test('is the weighted sum of its parts', () => {
    const { total, ce, kl, nce } = momaLoss(query(), targets(), SETTINGS)
    expect(value(total)).toBeCloseTo(value(ce) + 0.5 * value(kl) + 2 * value(nce), 4)
  })

  test('is linear in the weights: all zero gives zero, loss and gradient', () => {
    const none = { ...SETTINGS, weights: { ce: 0, kl: 0, nce: 0 } }
    const side = query()
    expect(value(momaLoss(side, targets(), none).total)).toBe(0)
    const gradient = tf.grad(
      (x: tf.Tensor) => momaLoss({ ...side, features: x as tf.Tensor2D }, targets(), none).total,
    )
    expect(tf.max(tf.abs(gradient(side.features))).dataSync()[0]).toBe(0)
  })

  test('has no KL term without teacher logits', () => {
    const { total, ce, kl, nce } = momaLoss(query(), targets({ teacherLogits: null }), SETTINGS)
    expect(kl).toBeNull()
    expect(value(total)).toBeCloseTo(value(ce) + 2 * value(nce), 4)
  })

  test('gives a query that is no longer of unit length, and logits of the own key first', () => {
    const { query: attended, contrast } = momaLoss(query(), targets(), SETTINGS)
    const norms = tf.norm(attended, 2, 1).dataSync()
    expect(norms.every((norm) => Math.abs(norm - 1) > 1e-3)).toBe(true)
    const own = tf.div(tf.sum(tf.mul(attended, matrix('key', B, C)), 1), SETTINGS.temperature).dataSync()
    const first = tf.slice(contrast, [0, 0], [B, 1]).dataSync()
    expect(first).toBeAllclose(own, { absolute: 1e-5 })
    expect(contrast.shape).toEqual([B, 1 + K])
  })

  test('has the gradient of finite differences in features, logits, head and attention', () => {
    const side = query()
    const given = targets()
    const { head: own, attention: look } = side
    expectGradient(
      (v) => momaLoss({ ...side, features: v as tf.Tensor2D }, given, SETTINGS).total,
      side.features,
      [0, 9, 19],
    )
    expectGradient(
      (v) => momaLoss({ ...side, logits: v as tf.Tensor2D }, given, SETTINGS).total,
      side.logits,
      [0, 5, 11],
    )
    const withFc1 = (v: tf.Tensor) => ({
      ...side,
      head: { ...own, fc1: { ...own.fc1, weight: v as tf.Tensor2D } },
    })
    expectGradient((v) => momaLoss(withFc1(v), given, SETTINGS).total, own.fc1.weight, [2, 12, 24])
    const withQkv = (v: tf.Tensor) => ({
      ...side,
      attention: { ...look, qkv: { ...look.qkv, weight: v as tf.Tensor2D } },
    })
    expectGradient((v) => momaLoss(withQkv(v), given, SETTINGS).total, look.qkv.weight, [3, 50, 100])
  })

  test('leaves no tensor behind in a scope', () => {
    const [side, given] = [query(), targets()]
    expect(leaked(() => tf.tidy(() => momaLoss(side, given, SETTINGS).total))).toBe(0)
  })
})

onEachEngine('keyFeatures()', () => {
  test('uses one head and two attentions', () => {
    const shared = attention('key')
    const same = keyFeatures(
      matrix('x', B, D),
      { head: head('teacher'), attentionKey: shared, attentionQueue: shared },
      2,
    )
    expect(same.key.dataSync()).toEqual(same.entering.dataSync())
    const apart = { head: head('teacher'), attentionKey: shared, attentionQueue: attention('queue') }
    const two = keyFeatures(matrix('x', B, D), apart, 2)
    expect(two.key.dataSync()).toEqual(same.key.dataSync())
    expect(two.entering.dataSync()).not.toEqual(two.key.dataSync())
  })

  test('leaves no tensor behind', () => {
    const side = { head: head('teacher'), attentionKey: attention('key'), attentionQueue: attention('queue') }
    const x = matrix('x', B, D)
    expect(leaked(() => Object.values(keyFeatures(x, side, 2)))).toBe(0)
  })
})

onEachEngine('weightedSum()', () => {
  test('passes over terms that are not there', () => {
    const sum = weightedSum([
      [tf.scalar(2), 3],
      [null, 5],
    ])
    expect(value(sum)).toBe(6)
  })
})
