import * as tf from '@tensorflow/tfjs-core'
import {
  globalAveragePool,
  scaleChannels,
  sgdMomentum,
  startEngine,
  stopGradient,
  swish,
  towards,
} from '@tessera/shared/engine'
import { describe, expect, test } from 'vitest'
import { expectGradients, expectSameOnBoth, normal, OURS, valuesOn } from '../support.ts'

describe('swish()', () => {
  test('is x σ(x): 0 at 0, close to x far right and to 0 far left', async () => {
    const [got] = await valuesOn(OURS, () => [swish(tf.tensor1d([0, 1, 80, -80]))])
    expect(got ?? []).toBeAllclose([0, 1 / (1 + Math.exp(-1)), 80, 0], { relative: 3e-7, absolute: 1e-30 })
  })

  test.each([1, 5, 8, 130])('with its gradient is the composition, %i elements', async (count) => {
    await expectSameOnBoth(() => {
      const weight = normal('dy', [count])
      const x = normal('x', [count], 0, 3)
      return [swish(x), tf.grad((x: tf.Tensor) => tf.mul(swish(x), weight))(x)]
    })
  })
})

describe.each([
  [2, 3, 4, 5],
  [3, 1, 1, 8],
  [1, 5, 7, 22],
])('on [%i, %i, %i, %i]', (batch, height, width, channels) => {
  const x = (): tf.Tensor4D => normal('x', [batch, height, width, channels])
  const s = (): tf.Tensor4D => normal('s', [batch, 1, 1, channels])

  test('scaleChannels() and both gradients are the composition', async () => {
    await expectSameOnBoth(() => {
      const weight = normal('dy', [batch, height, width, channels])
      const loss = (x: tf.Tensor, s: tf.Tensor): tf.Tensor =>
        tf.mul(scaleChannels(x as tf.Tensor4D, s as tf.Tensor4D), weight)
      return [scaleChannels(x(), s()), ...tf.grads(loss)([x(), s()])]
    })
  })

  test('globalAveragePool() and its gradient are the composition', async () => {
    await expectSameOnBoth(() => {
      const weight = normal('dy', [batch, channels])
      return [
        globalAveragePool(x()),
        tf.grad((x) => tf.mul(globalAveragePool(x as tf.Tensor4D), weight))(x()),
      ]
    })
  })

  test('gradients follow finite differences', async () => {
    await startEngine({ engine: OURS })
    tf.tidy(() => {
      expectGradients((x, s) => scaleChannels(x as tf.Tensor4D, s as tf.Tensor4D), [x(), s()])
      expectGradients((x) => globalAveragePool(x as tf.Tensor4D), [x()])
      expectGradients((x) => swish(x), [x()])
    })
  })
})

describe('scaleChannels()', () => {
  test('refuses factors of another shape', async () => {
    await startEngine({ engine: OURS })
    expect(() => tf.tidy(() => scaleChannels(tf.ones([2, 3, 3, 4]), tf.ones([2, 1, 1, 3])))).toThrow(
      'scaleChannels, factors:',
    )
  })
})

describe('stopGradient()', () => {
  test.each([OURS, 'cpu'] as const)('gives the value and no gradient on %s', async (engine) => {
    const [value, gradient] = await valuesOn(engine, () => {
      const x = tf.tensor1d([1, 2, 3])
      return [stopGradient(x), tf.grad((x: tf.Tensor) => tf.mul(x, stopGradient(x)))(x)]
    })
    expect([...(value ?? [])]).toEqual([1, 2, 3])
    // Of x² only one factor is seen: x, not 2x.
    expect([...(gradient ?? [])]).toEqual([1, 2, 3])
  })
})

describe('sgdMomentum()', () => {
  test('moves as written: v = μv + ∇ + λw, w = w − ηv', async () => {
    const [w, v] = await valuesOn(OURS, () => {
      const step = { learningRate: 0.5, momentum: 0.75, weightDecay: 0.25 }
      const { weight, velocity } = sgdMomentum(tf.tensor1d([4]), tf.tensor1d([1]), tf.tensor1d([8]), step)
      return [weight, velocity]
    })
    expect([w?.[0], v?.[0]]).toEqual([0, 8])
  })

  test.each([1, 4, 7, 100])('is the composition, %i elements', async (count) => {
    await expectSameOnBoth(() => {
      const [w, g, v] = ['w', 'g', 'v'].map((seed) => normal(seed, [count])) as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ]
      const { weight, velocity } = sgdMomentum(w, g, v, {
        learningRate: 0.1,
        momentum: 0.9,
        weightDecay: 1e-4,
      })
      return [weight, velocity]
    })
  })

  test('takes the learning rate as a scalar too', async () => {
    await expectSameOnBoth(() => {
      const at = (learningRate: number | tf.Scalar): tf.Tensor => {
        const [w, g, v] = ['w', 'g', 'v'].map((seed) => normal(seed, [9])) as [
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
        ]
        return sgdMomentum(w, g, v, { learningRate, momentum: 0.9, weightDecay: 1e-4 }).weight
      }
      expect([...at(tf.scalar(0.25)).dataSync()]).toEqual([...at(0.25).dataSync()])
      return [at(tf.scalar(0.25))]
    })
  })

  test('refuses a gradient of another shape', async () => {
    await startEngine({ engine: OURS })
    const step = { learningRate: 1, momentum: 0, weightDecay: 0 }
    expect(() => tf.tidy(() => sgdMomentum(tf.ones([3]), tf.ones([2]), tf.ones([3]), step).weight)).toThrow(
      'sgdMomentum, gradient:',
    )
  })
})

describe('towards()', () => {
  test.each([1, 4, 9])('is keep · a + (1 − keep) · b, %i elements', async (count) => {
    await expectSameOnBoth(() => [towards(normal('a', [count]), normal('b', [count]), 0.999)])
  })
})
