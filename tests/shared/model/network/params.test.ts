import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'
import { backboneLayout, initialWeights, type Layout } from '@tessera/shared/model'
import { fromEngine, fromParams, toParams } from '@tessera/shared/model/network'
import { beforeAll, describe, expect, test } from 'vitest'
import { tiny } from '../support.ts'

const layout: Layout = {
  architecture: 'any',
  tensors: [
    { name: 'conv', shape: [2, 3, 1, 2], kind: 'trainable' },
    { name: 'depthwise', shape: [2, 1, 3, 3], kind: 'trainable' },
    { name: 'narrow', shape: [2, 1, 1, 1], kind: 'trainable' },
    { name: 'linear', shape: [2, 3], kind: 'trainable' },
    { name: 'bias', shape: [2], kind: 'trainable' },
  ],
}
const counting = new Map(
  layout.tensors.map(({ name, shape }) => [
    name,
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
  ]),
)

beforeAll(() => startEngine({ engine: 'cpu' }))

describe('toParams()', () => {
  test('gives HWIO for convolutions, [kh, kw, C, 1] for depthwise ones, and leaves the rest', () => {
    tf.tidy(() => {
      const params = toParams(layout, counting)
      expect(Object.fromEntries([...params].map(([name, { shape }]) => [name, shape]))).toEqual({
        conv: [1, 2, 3, 2],
        depthwise: [3, 3, 2, 1],
        narrow: [1, 1, 1, 2],
        linear: [2, 3],
        bias: [2],
      })
      // Element [o, i, 0, w] is number 6o + 2i + w.
      expect(params.get('conv')?.arraySync()).toEqual([
        [
          [
            [0, 6],
            [2, 8],
            [4, 10],
          ],
          [
            [1, 7],
            [3, 9],
            [5, 11],
          ],
        ],
      ])
      // Element [c, 0, h, w] is number 9c + 3h + w.
      expect(Array.from(params.get('depthwise')?.dataSync() ?? []).slice(0, 6)).toEqual([0, 9, 1, 10, 2, 11])
    })
  })

  test('keeps no view of the weights', () => {
    tf.tidy(() => {
      const weights = new Map([...counting].map(([name, values]) => [name, values.slice()]))
      const params = toParams(layout, weights)
      for (const values of weights.values()) values.fill(-1)
      expect(Array.from(params.get('bias')?.dataSync() ?? [])).toEqual([0, 1])
    })
  })

  test('says ERR_LAYOUT_MISMATCH when the weights are not those of the layout', () => {
    expect(() => toParams(layout, new Map())).toThrow(
      expect.objectContaining({ code: 'ERR_LAYOUT_MISMATCH' }),
    )
  })
})

describe('fromParams()', () => {
  test('gives back what toParams was given, bit for bit and in order', async () => {
    const backbone = backboneLayout(tiny, 3)
    const weights = initialWeights(backbone, 'a seed')
    const params = toParams(backbone, weights)
    expect([...(await fromParams(backbone, params))]).toEqual([...weights])
    tf.dispose([...params.values()])
  })

  test('passes over tensors of other names, and misses its own', async () => {
    const params = toParams(layout, counting)
    params.set('momentum', params.get('bias') ?? tf.scalar(0))
    expect([...(await fromParams(layout, params)).keys()]).toEqual([...counting.keys()])
    params.delete('linear')
    await expect(fromParams(layout, params)).rejects.toMatchObject({
      code: 'ERR_LAYOUT_MISMATCH',
      message: 'parameters must have tensor linear, got none',
    })
    tf.dispose([...params.values()])
  })
})

describe('fromEngine()', () => {
  test('gives the values of one tensor in the order of PyTorch', () => {
    const [conv] = layout.tensors
    if (!conv) throw new Error('no convolution')
    const engine = Float32Array.of(0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11)
    expect(fromEngine(conv, engine)).toEqual(counting.get('conv'))
  })
})
