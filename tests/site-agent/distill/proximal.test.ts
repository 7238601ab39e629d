import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { proximalWeight, withProximal } from '../../../site-agent/distill/proximal.ts'
import { leaked, makeStudy, normals, onEachEngine } from './support.ts'
import '../../support/allclose.ts'

const one = (values: ArrayLike<number>): Map<string, tf.Tensor> =>
  new Map([['w', tf.tensor1d(Float32Array.from(values))]])

onEachEngine('withProximal()', () => {
  test('adds the slope of μ/2·‖w − w₀‖², by finite differences', () => {
    const [w, anchor, gradient] = [normals('w', 5), normals('anchor', 5), normals('gradient', 5)]
    const mu = 0.3
    const term = (at: ArrayLike<number>): number =>
      Array.from(at).reduce((sum, x, i) => sum + (mu / 2) * (x - (anchor[i] ?? 0)) ** 2, 0)
    const got = withProximal(one(gradient), one(w), one(anchor), mu).get('w')?.dataSync() ?? []
    const step = 1e-3
    const want = [...w].map((x, i) => {
      const at = (change: number): number => term([...w].map((y, j) => (i === j ? x + change : y)))
      return (gradient[i] ?? 0) + (at(step) - at(-step)) / (2 * step)
    })
    // The term is quadratic, so central differences are exact; what is left is float32.
    expect([...got]).toBeAllclose(want, { absolute: 1e-6 })
  })
  test('is the gradient itself where the round began', () => {
    const gradient = normals('gradient', 4)
    const same = normals('w', 4)
    expect(withProximal(one(gradient), one(same), one(same), 7).get('w')?.dataSync()).toEqual(gradient)
  })
  test('a weight without a place to return to is ERR_LAYOUT_MISMATCH', () => {
    expect(() => withProximal(one([1]), one([1]), new Map(), 1)).toThrow(
      expect.objectContaining({ code: 'ERR_LAYOUT_MISMATCH' }),
    )
  })
  test('leaves no tensor behind', () => {
    const [w, anchor, gradient] = [one([1]), one([2]), one([3])]
    expect(leaked(() => [...withProximal(gradient, w, anchor, 1).values()])).toBe(0)
  })
})

test('proximalWeight() is the μ of fedprox, and 0 for every other strategy', () => {
  const of = (strategy: object): number => proximalWeight(makeStudy({ federation: { strategy } as object }))
  expect([of({ name: 'fedprox' }), of({ name: 'fedprox', mu: 1 }), of({ name: 'fedavg' })]).toEqual([
    0.01, 1, 0,
  ])
})
