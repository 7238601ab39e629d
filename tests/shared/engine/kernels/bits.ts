/** Runs every kernel of ours that is cut into tasks on seeded random shapes and prints a hash of each result: the program of bits.test.ts. */
import { createHash } from 'node:crypto'
import * as tf from '@tensorflow/tfjs-core'
import {
  batchNormInference,
  batchNormTrain,
  enqueue,
  globalAveragePool,
  logSumExp,
  scaleChannels,
  sgdMomentum,
  startEngine,
  swish,
  towards,
} from '@tessera/shared/engine'
import { createRandom } from '@tessera/shared/random'

const random = createRandom('shapes')
const whole = (least: number, most: number): number => least + random.integer(most - least + 1)
const one = <T>(...choices: T[]): T => choices[random.integer(choices.length)] as T

function normal(...shape: number[]): tf.Tensor {
  const values = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => random.normal())
  return tf.tensor(values, shape)
}

function gradients(f: (...x: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[]): tf.Tensor[] {
  const y = f(...inputs)
  return [y, ...tf.grads((...x) => f(...x))(inputs, normal(...y.shape))]
}

const cases: Record<string, () => tf.Tensor[]> = {
  matMul() {
    const [m, k, n] = [one(whole(1, 32), whole(33, 400)), whole(1, 500), whole(1, 500)] as const
    const [turnA, turnB] = [one(true, false), one(true, false)]
    return [
      tf.matMul(normal(...(turnA ? [k, m] : [m, k])), normal(...(turnB ? [n, k] : [k, n])), turnA, turnB),
    ]
  },
  convolution() {
    const [kernel, stride, pad] = [one(1, 3, 5), one(1, 2), one('same', 'valid')] as const
    const [inputs, outputs] = [whole(1, 40), whole(1, 60)]
    return gradients(
      (x, filter) => tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, pad),
      [normal(whole(1, 5), whole(5, 40), whole(5, 40), inputs), normal(kernel, kernel, inputs, outputs)],
    )
  },
  depthwise() {
    const [kernel, stride, pad, channels] = [
      one(3, 5, 7),
      one(1, 2),
      one('same', 'valid'),
      whole(1, 70),
    ] as const
    return gradients(
      (x, filter) => tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, pad),
      [normal(whole(1, 9), whole(7, 50), whole(7, 50), channels), normal(kernel, kernel, channels, 1)],
    )
  },
  batchNorm() {
    const channels = whole(1, 90)
    const activation = one('none', 'swish')
    const [x, gamma, beta] = [
      normal(whole(1, 8), whole(1, 50), whole(1, 50), channels),
      normal(channels),
      normal(channels),
    ]
    const [mean, variance] = [normal(channels), tf.square(normal(channels))] as [tf.Tensor1D, tf.Tensor1D]
    type Arguments = [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D]
    return [
      ...gradients((...x) => batchNormTrain(...(x as Arguments), 1e-3, activation).y, [x, gamma, beta]),
      ...gradients(
        (...x) => batchNormInference(...(x as Arguments), mean, variance, 1e-3, activation),
        [x, gamma, beta],
      ),
    ]
  },
  channels() {
    const [batch, channels] = [whole(1, 9), whole(1, 90)]
    const x = normal(batch, whole(1, 50), whole(1, 50), channels)
    return [
      ...gradients(
        (x, s) => scaleChannels(x as tf.Tensor4D, s as tf.Tensor4D),
        [x, normal(batch, 1, 1, channels)],
      ),
      ...gradients((x) => globalAveragePool(x as tf.Tensor4D), [x]),
      tf.sum(x, [0, 1, 2]),
    ]
  },
  rows() {
    const [rows, columns] = [whole(1, 40), whole(1, 9000)]
    const x = normal(rows, columns)
    const [queue, entering] = [normal(whole(1, 300), columns), normal(rows, columns)] as [
      tf.Tensor2D,
      tf.Tensor2D,
    ]
    const cut = whole(1, columns)
    return [
      ...gradients((x) => logSumExp(x as tf.Tensor2D), [x]),
      enqueue(queue, entering, tf.scalar(random.integer(queue.shape[0]), 'int32')),
      tf.concat([x, tf.slice(x, [0, 0], [rows, cut]), ...tf.split(x, [cut, columns - cut], 1)], 1),
      tf.add(x, x),
    ]
  },
  elements() {
    const count = whole(1, 300_000)
    const [x, y, z] = [normal(count), normal(count), normal(count)]
    const step = sgdMomentum(x, y, z, { learningRate: 0.1, momentum: 0.9, weightDecay: 1e-3 })
    return [...gradients((x) => swish(x), [x]), tf.sigmoid(x), towards(x, y, 0.9), step.weight, step.velocity]
  },
}

await startEngine({ engine: 'wasm' })
const hashes: string[] = []
for (const [name, work] of Object.entries(cases)) {
  for (let i = 0; i < 6; i++) {
    tf.tidy(() => {
      for (const result of work()) {
        const values = result.dataSync()
        const hash = createHash('sha256').update(
          new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
        )
        hashes.push(`${name} ${i}: [${result.shape.join()}] ${hash.digest('hex')}`)
      }
    })
  }
}
process.stdout.write(JSON.stringify(hashes))
