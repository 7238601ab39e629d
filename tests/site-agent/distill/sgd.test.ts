import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { sgdStep } from '../../../site-agent/distill/sgd.ts'
import { leaked, normals, onEachEngine } from './support.ts'
import '../../support/allclose.ts'

const one = (values: ArrayLike<number>): Map<string, tf.Tensor> =>
  new Map([['w', tf.tensor1d(Float32Array.from(values))]])

onEachEngine('sgdStep()', () => {
  test('is w − η·g without momentum and decay', () => {
    const { weights } = sgdStep(one([1, 2]), one([0, 0]), one([10, -10]), {
      learningRate: 0.1,
      momentum: 0,
      weightDecay: 0,
    })
    expect(weights.get('w')?.dataSync()).toBeAllclose([0, 3], { absolute: 1e-6 })
  })

  test('shrinks a weight without gradient by η·λ', () => {
    const { weights } = sgdStep(one([2]), one([0]), one([0]), {
      learningRate: 0.5,
      momentum: 0.9,
      weightDecay: 0.1,
    })
    expect(weights.get('w')?.dataSync()).toBeAllclose([2 * (1 - 0.05)], { absolute: 1e-6 })
  })

  test('reaches the step η·g/(1 − μ) under a constant gradient', () => {
    let state = { weights: one([0]), velocities: one([0]) }
    for (let step = 0; step < 200; step++) {
      state = sgdStep(state.weights, state.velocities, one([1]), {
        learningRate: 0.1,
        momentum: 0.9,
        weightDecay: 0,
      })
    }
    expect(state.velocities.get('w')?.dataSync()).toBeAllclose([10], { relative: 1e-5 })
  })

  test('agrees with scalar loops over five steps', () => {
    const settings = { learningRate: 0.05, momentum: 0.9, weightDecay: 0.01 }
    let state = { weights: one(normals('w', 4)), velocities: one([0, 0, 0, 0]) }
    const w = [...normals('w', 4)]
    const v = [0, 0, 0, 0]
    for (let step = 0; step < 5; step++) {
      const gradient = normals(`g${step}`, 4)
      state = sgdStep(state.weights, state.velocities, one(gradient), settings)
      for (const i of w.keys()) {
        v[i] = 0.9 * (v[i] ?? 0) + (gradient[i] ?? 0) + 0.01 * (w[i] ?? 0)
        w[i] = (w[i] ?? 0) - 0.05 * (v[i] ?? 0)
      }
    }
    expect(state.weights.get('w')?.dataSync()).toBeAllclose(w, { absolute: 1e-6 })
    expect(state.velocities.get('w')?.dataSync()).toBeAllclose(v, { absolute: 1e-6 })
  })

  test('passes over tensors without a gradient, and refuses a gradient without a weight', () => {
    const settings = { learningRate: 1, momentum: 0, weightDecay: 1 }
    expect(sgdStep(one([1]), one([0]), new Map(), settings).weights.size).toBe(0)
    expect(() => sgdStep(new Map(), one([0]), one([1]), settings)).toThrow('tensors must have w')
  })

  test('leaves no tensor behind', () => {
    const [weights, velocities, gradients] = [one([1]), one([1]), one([1])]
    const step = (): tf.Tensor[] => {
      const moved = sgdStep(weights, velocities, gradients, { learningRate: 1, momentum: 1, weightDecay: 1 })
      return [...moved.weights.values(), ...moved.velocities.values()]
    }
    expect(leaked(step)).toBe(0)
  })
})
