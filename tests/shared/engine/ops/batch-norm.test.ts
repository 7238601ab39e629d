import * as tf from '@tensorflow/tfjs-core'
import { type Activation, batchNormInference, batchNormTrain, startEngine } from '@tessera/shared/engine'
import { describe, expect, test } from 'vitest'
import { expectGradients, expectSameOnBoth, normal, OURS, valuesOn } from '../support.ts'

const shapes = [
  [2, 3, 3, 1],
  [3, 5, 4, 7],
  [2, 1, 1, 8],
  [4, 6, 6, 13],
  [2, 40, 40, 3],
  // Several blocks, with channels that are no whole number of vectors.
  [2, 41, 40, 24],
  [3, 9, 9, 40],
] as const
const activations: Activation[] = ['none', 'swish']
const cases = shapes.flatMap((shape) => activations.map((activation) => ({ shape: [...shape], activation })))

function inputs([batch, height, width, channels = 1]: number[]): [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D] {
  return [
    normal('x', [batch ?? 1, height ?? 1, width ?? 1, channels], 0.5, 2),
    normal('gamma', [channels], 1, 0.3),
    normal('beta', [channels], 0, 0.5),
  ]
}

describe.each(cases)('batchNormTrain() %j', ({ shape, activation }) => {
  const norm = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor4D =>
    batchNormTrain(x as tf.Tensor4D, gamma as tf.Tensor1D, beta as tf.Tensor1D, 1e-3, activation).y

  test('is the composition of plain ops', async () => {
    await expectSameOnBoth(() => {
      const { y, mean, variance } = batchNormTrain(...inputs(shape), 1e-3, activation)
      return [y, mean, variance]
    })
  })

  test('has the gradient of the composition', async () => {
    await expectSameOnBoth(() => {
      const weight = normal('dy', shape)
      return tf.grads((x, gamma, beta) => tf.mul(norm(x, gamma, beta), weight))(inputs(shape))
    })
  })
})

describe('batchNormTrain()', () => {
  test.each(activations)('follows finite differences, %s', async (activation) => {
    await startEngine({ engine: OURS })
    tf.tidy(() =>
      expectGradients(
        (x, gamma, beta) =>
          batchNormTrain(x as tf.Tensor4D, gamma as tf.Tensor1D, beta as tf.Tensor1D, 1e-3, activation).y,
        inputs([3, 4, 3, 5]),
      ),
    )
  })

  test('gives mean and biased variance, to 1e-6 also where the mean is a thousand times the spread', async () => {
    const [mean, variance] = await valuesOn(OURS, () => {
      const x = tf.add(tf.tensor4d([-1, 1, -1, 1, -1, 1], [1, 2, 3, 1]), 1024)
      const { mean, variance } = batchNormTrain(x as tf.Tensor4D, tf.ones([1]), tf.zeros([1]), 1e-5, 'none')
      return [mean, variance]
    })
    expect([mean?.[0], variance?.[0]]).toEqual([1024, 1])
  })

  test.each([OURS, 'cpu'] as const)('lets no gradient through mean and variance on %s', async (engine) => {
    const [gradient] = await valuesOn(engine, () => {
      const [x, gamma, beta] = inputs([2, 3, 3, 4])
      const loss = (x: tf.Tensor): tf.Tensor => {
        const { y, mean, variance } = batchNormTrain(x as tf.Tensor4D, gamma, beta, 1e-3, 'none')
        return tf.add(tf.mul(tf.sum(y), 0), tf.add(tf.sum(mean), tf.sum(variance)))
      }
      return [tf.grad(loss)(x)]
    })
    expect(gradient?.every((value) => value === 0)).toBe(true)
  })
})

describe.each(cases)('batchNormInference() %j', ({ shape, activation }) => {
  const channels = shape.at(-1) ?? 1
  const mean = (): tf.Tensor1D => normal('mean', [channels])
  const variance = (): tf.Tensor1D => tf.square(normal('variance', [channels], 1, 0.2))

  test('is the composition of plain ops', async () => {
    await expectSameOnBoth(() => [batchNormInference(...inputs(shape), mean(), variance(), 1e-3, activation)])
  })

  test('has the gradient of the composition, with the statistics fixed', async () => {
    await expectSameOnBoth(() => {
      const weight = normal('dy', shape)
      const loss = (...t: tf.Tensor[]): tf.Tensor => {
        const [x, gamma, beta, m, v] = t as [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D]
        return tf.mul(batchNormInference(x, gamma, beta, m, v, 1e-3, activation), weight)
      }
      return tf.grads(loss)([...inputs(shape), mean(), variance()])
    })
  })
})
