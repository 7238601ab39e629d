import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import {
  type ContrastFeatures,
  contrastLogits,
  contrastLoss,
} from '../../../site-agent/distill/contrast-loss.ts'
import { dot, expectGradient, leaked, logSumExpOf, matrix, onEachEngine, rowsOf } from './support.ts'
import '../../support/allclose.ts'

const features = (B: number, K: number, C: number): ContrastFeatures & { queue: tf.Tensor2D } => ({
  query: matrix('query', B, C),
  key: matrix('key', B, C),
  queue: matrix('queue', K, C),
})

onEachEngine('contrastLoss()', () => {
  test('is log(1 + K) when every feature is the same', () => {
    const same = (rows: number): tf.Tensor2D => tf.mul<tf.Tensor2D>(tf.ones([rows, 4]), 0.5)
    const loss = contrastLoss(contrastLogits({ query: same(3), key: same(3), queue: same(7) }, 0.15))
    expect(loss.dataSync()).toBeAllclose([Math.log(8)], { absolute: 1e-6 })
  })

  test('agrees with scalar loops', () => {
    const all = features(4, 9, 5)
    const [query, key, queue] = [rowsOf(all.query), rowsOf(all.key), rowsOf(all.queue)]
    const logits = query.map((q, i) =>
      [dot(q, key[i] ?? []), ...queue.map((m) => dot(q, m))].map((s) => s / 0.3),
    )
    const want = logits.reduce((sum, row) => sum + logSumExpOf(row) - (row[0] ?? 0), 0) / 4
    expect(contrastLogits(all, 0.3).dataSync()).toBeAllclose(logits.flat(), { absolute: 1e-5 })
    expect(contrastLoss(contrastLogits(all, 0.3)).dataSync()).toBeAllclose([want], { relative: 1e-6 })
  })

  test('does not depend on the order of the queue', () => {
    const all = features(3, 6, 4)
    const turned = { ...all, queue: tf.reverse(all.queue, 0) }
    const loss = (given: ContrastFeatures): Float32Array =>
      contrastLoss(contrastLogits(given, 0.15)).dataSync<'float32'>()
    expect(loss(turned)).toBeAllclose(loss(all), { relative: 1e-6 })
  })

  test('stays finite for similarities far beyond what e^x can hold', () => {
    const query = tf.tensor2d([[100], [100]])
    const queue = tf.tensor2d([[99], [99], [99]])
    // 10 000/0.15 against 9 900/0.15: the own key wins by far.
    expect(contrastLoss(contrastLogits({ query, key: query, queue }, 0.15)).dataSync()[0]).toBe(0)
  })

  test('has the gradient of finite differences in the query', () => {
    const all = features(3, 5, 4)
    expectGradient(
      (query) => contrastLoss(contrastLogits({ ...all, query: query as tf.Tensor2D }, 0.5)),
      all.query,
      [0, 5, 11],
    )
  })

  test('tells each tile apart from the batch’s other keys when there is no queue, and from its own key once', () => {
    const all = { ...features(4, 1, 5), queue: null }
    const [query, key] = [rowsOf(all.query), rowsOf(all.key)]
    const want = query.reduce((sum, q, i) => {
      const scores = key.map((k) => dot(q, k) / 0.3)
      return sum + logSumExpOf(scores) - (scores[i] ?? 0)
    }, 0)
    expect(contrastLoss(contrastLogits(all, 0.3)).dataSync()).toBeAllclose([want / 4], { relative: 1e-6 })
    const lossOf = (query: tf.Tensor): tf.Scalar =>
      contrastLoss(contrastLogits({ ...all, query: query as tf.Tensor2D }, 0.5))
    expectGradient(lossOf, all.query, [0, 9, 19])
  })

  test('refuses a key or a queue that does not fit', () => {
    const all = features(3, 5, 4)
    expect(() => contrastLogits({ ...all, key: matrix('key', 2, 4) }, 1)).toThrow(
      'key must have shape [3, 4], got [2, 4]',
    )
    expect(() => contrastLogits({ ...all, queue: matrix('m', 5, 3) }, 1)).toThrow(
      'queue must have shape [5, 4], got [5, 3]',
    )
  })

  test('leaves no tensor behind', () => {
    const all = features(3, 5, 4)
    const logits = contrastLogits(all, 1)
    expect(leaked(() => contrastLogits(all, 1))).toBe(0)
    expect(leaked(() => contrastLoss(logits))).toBe(0)
  })
})
