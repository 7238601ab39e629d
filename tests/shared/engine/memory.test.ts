import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import {
  batchNormTrain,
  globalAveragePool,
  scaleChannels,
  sgdMomentum,
  startEngine,
} from '@tessera/shared/engine'
import { expect, test } from 'vitest'
import { normal } from './support.ts'

/** One training step of a small net with every kernel in it; returns the new weights and the loss. */
function step(images: tf.Tensor4D, weights: tf.Tensor[]): { weights: tf.Tensor[]; loss: number } {
  return tf.tidy(() => {
    const loss = (...w: tf.Tensor[]): tf.Scalar => {
      const [stem, depth, point, gamma, beta] = w as [
        tf.Tensor4D,
        tf.Tensor4D,
        tf.Tensor4D,
        tf.Tensor1D,
        tf.Tensor1D,
      ]
      const first = batchNormTrain(tf.conv2d(images, stem, 2, 1), gamma, beta, 1e-3, 'swish').y
      const gate: tf.Tensor4D = tf.sigmoid(
        tf.reshape(globalAveragePool(first), [images.shape[0], 1, 1, gamma.size]),
      )
      const mixed = tf.conv2d(scaleChannels(tf.depthwiseConv2d(first, depth, 1, 1), gate), point, 1, 0)
      return tf.mean(tf.square(tf.sub(globalAveragePool(mixed), 1)))
    }
    const { value, grads } = tf.valueAndGrads(loss)(weights)
    const settings = { learningRate: 0.05, momentum: 0, weightDecay: 0 }
    const moved = weights.map(
      (w, i) => sgdMomentum(w, grads[i] as tf.Tensor, tf.zerosLike(w), settings).weight,
    )
    return { weights: moved, loss: value.dataSync()[0] ?? Number.NaN }
  })
}

test('memory stays flat over 200 steps that learn, and the bits repeat', async () => {
  await startEngine({ engine: 'wasm' })
  const backend = tf.backend() as BackendWasm
  const heapBytes = (): number => (backend.wasm as unknown as { HEAPU8: Uint8Array }).HEAPU8.length
  const losses = [1, 2].map(() => {
    const images = normal('images', [8, 20, 20, 3])
    const shapes = [[3, 3, 3, 6], [3, 3, 6, 1], [1, 1, 6, 4], [6], [6]]
    let weights: tf.Tensor[] = shapes.map((shape, i) => normal(`weight ${i}`, shape, i === 3 ? 1 : 0, 0.4))
    const seen: number[] = []
    let after: [tensors: number, buffers: number, heap: number] = [0, 0, 0]
    for (let i = 0; i < 200; i++) {
      const next = step(images, weights)
      tf.dispose(weights)
      weights = next.weights
      seen.push(next.loss)
      const now: typeof after = [tf.memory().numTensors, tf.memory().numDataBuffers, heapBytes()]
      // The first steps make room to work in; after that nothing is added.
      if (i >= 2) expect(now).toEqual(after)
      after = now
    }
    tf.dispose([images, ...weights])
    return seen
  })
  expect(losses[0]?.at(-1)).toBeLessThan((losses[0]?.[0] ?? 0) / 2)
  expect(losses[1]).toEqual(losses[0])
})

test('kernels find their tensors after the memory has grown', async () => {
  await startEngine({ engine: 'wasm' })
  tf.tidy(() => {
    const x = normal('x', [3, 3])
    const want = [...tf.matMul(x, x).dataSync()]
    // Beyond the 16 MiB that the back end begins with.
    tf.zeros([64, 1024, 1024])
    expect([...tf.matMul(x, x).dataSync()]).toEqual(want)
  })
})
