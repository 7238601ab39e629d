import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import {
  convolutionTensors,
  convolved,
  filledTensor,
  initialModules,
  linearTensors,
  normalised,
  normTensors,
} from '../../../site-agent/distill/modules.ts'
import { leaked, map, onEachEngine } from './support.ts'
import '../../support/allclose.ts'

describe('initialModules()', () => {
  test('draws convolutions and linear layers from ±1/√inputs, and fills the others', () => {
    const tensors = [
      ...convolutionTensors('convolution', 8, 50, 3),
      ...linearTensors('linear', 25, 40),
      ...normTensors('norm', 3),
      filledTensor('filled', 2, 4.5),
    ]
    const weights = initialModules(tensors, 'seed')
    expect([...weights.keys()]).toEqual(tensors.map(({ spec }) => spec.name))
    const largest = (name: string): number => Math.max(...(weights.get(name) ?? []).map(Math.abs))
    for (const [name, bound] of [
      ['convolution.weight', 1 / Math.sqrt(72)],
      ['linear.weight', 1 / 5],
      ['linear.bias', 1 / 5],
    ] as const) {
      expect(largest(name)).toBeLessThanOrEqual(Math.fround(bound))
      expect(largest(name)).toBeGreaterThan(0.8 * bound)
    }
    expect(weights.get('norm.weight')).toEqual(Float32Array.of(1, 1, 1))
    expect(weights.get('norm.bias')).toEqual(Float32Array.of(0, 0, 0))
    expect(weights.get('filled')).toEqual(Float32Array.of(4.5, 4.5))
  })

  test('gives a tensor the same numbers whatever others there are, and others for another seed', () => {
    const [one, two] = [linearTensors('one', 3, 2), linearTensors('two', 3, 2)]
    const alone = initialModules(two, 'seed').get('two.weight')
    expect(initialModules([...one, ...two], 'seed').get('two.weight')).toEqual(alone)
    expect(initialModules(two, 'other').get('two.weight')).not.toEqual(alone)
  })
})

onEachEngine('normalised()', () => {
  test('gives each channel mean bias and deviation weight over batch and positions', () => {
    const tensors = new Map([
      ['norm.weight', tf.tensor1d([2, 0.5])],
      ['norm.bias', tf.tensor1d([1, -3])],
    ])
    const { mean, variance } = tf.moments(normalised(tensors, 'norm', map('x', 4, 5, 5, 2)), [0, 1, 2])
    expect(mean.dataSync()).toBeAllclose([1, -3], { absolute: 1e-5 })
    // 1e-5 is added to a variance near 1.
    expect(variance.dataSync()).toBeAllclose([4, 0.25], { relative: 1e-4 })
  })
})

onEachEngine('convolved()', () => {
  test('keeps height and width, with zeros around them', () => {
    const ones = new Map([['c.weight', tf.ones([3, 3, 1, 1])]])
    const sums = convolved(ones, 'c', tf.ones([1, 3, 3, 1]))
    expect([...sums.dataSync()]).toEqual([4, 6, 4, 6, 9, 6, 4, 6, 4])
  })

  test('says which tensor is missing, and leaves none behind', () => {
    const x = map('x', 1, 2, 2, 2)
    expect(() => convolved(new Map(), 'c', x)).toThrow('tensors must have c.weight, got none of that name')
    const filter = tf.ones([1, 1, 2, 3])
    expect(leaked(() => convolved(new Map([['c.weight', filter]]), 'c', x))).toBe(0)
  })
})
