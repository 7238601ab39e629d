import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { batchAttention, batchAttentionOf } from '../../../site-agent/distill/batch-attention.ts'
import { dot, expectGradient, layer, leaked, linearByLoops, matrix, onEachEngine, rowsOf } from './support.ts'
import '../../support/allclose.ts'

const C = 6
const attention = (): { qkv: ReturnType<typeof layer>; proj: ReturnType<typeof layer> } => ({
  qkv: layer('qkv', 3 * C, C),
  proj: layer('proj', C, C),
})

/** The formula with loops over heads, tiles and columns. */
function byLoops(x: tf.Tensor2D, { qkv, proj }: ReturnType<typeof attention>, heads: number): number[] {
  const rows = linearByLoops(rowsOf(x), qkv)
  const width = C / heads
  const part = (row: number[], third: number, head: number): number[] =>
    row.slice(third * C + head * width, third * C + (head + 1) * width)
  const mixed = rows.map((own) =>
    Array.from({ length: heads }, (_, head) => {
      const scores = rows.map((other) =>
        Math.exp(dot(part(own, 0, head), part(other, 1, head)) / Math.sqrt(width)),
      )
      const total = scores.reduce((sum, s) => sum + s, 0)
      return Array.from({ length: width }, (_, c) =>
        rows.reduce((sum, other, j) => sum + ((scores[j] ?? 0) / total) * (part(other, 2, head)[c] ?? 0), 0),
      )
    }).flat(),
  )
  return linearByLoops(mixed, proj).flat()
}

onEachEngine('batchAttention()', () => {
  test('is proj(V) for one tile: it can only look at itself', () => {
    const { qkv, proj } = attention()
    const x = matrix('x', 1, C)
    const value = linearByLoops(rowsOf(x), qkv).map((row) => row.slice(2 * C))
    const want = linearByLoops(value, proj).flat()
    expect(batchAttention(x, { qkv, proj }, 2).dataSync()).toBeAllclose(want, { absolute: 2e-6 })
  })

  test('is proj of the mean value when no query prefers a key', () => {
    const { proj } = attention()
    const weight = tf.concat<tf.Tensor2D>([tf.zeros([2 * C, C]), tf.eye(C)])
    const plain = { qkv: { weight, bias: tf.zeros<tf.Rank.R1>([3 * C]) }, proj }
    const x = matrix('x', 4, C)
    const mean = rowsOf(x)[0]?.map((_, c) => rowsOf(x).reduce((sum, row) => sum + (row[c] ?? 0) / 4, 0)) ?? []
    const want = linearByLoops([mean, mean, mean, mean], proj).flat()
    expect(batchAttention(x, plain, 3).dataSync()).toBeAllclose(want, { absolute: 2e-6 })
  })

  test.each([1, 2, 3, 6])('agrees with scalar loops for %i heads', (heads) => {
    const x = matrix('x', 5, C)
    // Three matrix products and a softmax in float32 against float64.
    expect(batchAttention(x, attention(), heads).dataSync()).toBeAllclose(byLoops(x, attention(), heads), {
      absolute: 5e-6,
    })
  })

  test('moves with the order of the tiles', () => {
    const x = matrix('x', 4, C)
    const order = tf.tensor1d([2, 0, 3, 1], 'int32')
    const before = tf.gather(batchAttention(x, attention(), 2), order).dataSync()
    const after = batchAttention(tf.gather(x, order), attention(), 2).dataSync()
    expect(after).toBeAllclose(before, { absolute: 1e-6 })
  })

  test('has the gradient of finite differences in tokens and weights', () => {
    const { qkv, proj } = attention()
    const x = matrix('x', 3, C)
    const mix = matrix('mix', 3, C)
    const loss = (y: tf.Tensor): tf.Scalar => tf.sum(tf.mul(y, mix))
    expectGradient((v) => loss(batchAttention(v as tf.Tensor2D, { qkv, proj }, 2)), x, [0, 8, 17])
    expectGradient(
      (v) => loss(batchAttention(x, { qkv: { ...qkv, weight: v as tf.Tensor2D }, proj }, 2)),
      qkv.weight,
      [0, 40, 75, 107],
    )
    expectGradient(
      (v) => loss(batchAttention(x, { qkv: { ...qkv, bias: v as tf.Tensor1D }, proj }, 2)),
      qkv.bias,
      [1, 8, 15],
    )
    expectGradient(
      (v) => loss(batchAttention(x, { qkv, proj: { ...proj, weight: v as tf.Tensor2D } }, 2)),
      proj.weight,
      [5, 30],
    )
  })

  test('refuses heads that do not divide the width, and tokens of another width', () => {
    expect(() => batchAttention(matrix('x', 2, C), attention(), 4)).toThrow(
      'a multiple of the 4 heads, got 6',
    )
    expect(() => batchAttention(matrix('x', 2, 5), attention(), 2)).toThrow(
      'tokens must have shape [2, 6], got [2, 5]',
    )
  })

  test('leaves no tensor behind', () => {
    const [x, parts] = [matrix('x', 3, C), attention()]
    expect(leaked(() => batchAttention(x, parts, 2))).toBe(0)
  })
})

onEachEngine('batchAttentionOf()', () => {
  test('picks the layers of a name and checks that they fit', () => {
    const { qkv, proj } = attention()
    const tensors = new Map<string, tf.Tensor>([
      ['a.qkv.weight', qkv.weight],
      ['a.qkv.bias', qkv.bias],
      ['a.proj.weight', proj.weight],
      ['a.proj.bias', proj.bias],
    ])
    expect(batchAttentionOf(tensors, 'a')).toEqual({ qkv, proj })
    tensors.set('a.qkv.weight', matrix('w', 3 * C, C + 1))
    expect(() => batchAttentionOf(tensors, 'a')).toThrow('a.qkv.weight must have shape [18, 6], got [18, 7]')
  })
})
