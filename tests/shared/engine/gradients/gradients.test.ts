import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'
import { beforeAll, describe, expect, test } from 'vitest'
import { expectGradients, normal, OURS } from '../support.ts'

type Op = (...inputs: tf.Tensor[]) => tf.Tensor
const one = (op: (x: tf.Tensor) => tf.Tensor): Op => op
const two = (op: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Op => op

/** Away from zero and from each other, where the ops have a slope. */
const any = (): tf.Tensor => tf.tensor([-1.7, -0.6, 0.4, 0.9, 1.6, 2.2], [2, 3])
const positive = (): tf.Tensor => tf.tensor([0.3, 0.8, 1.1, 1.9, 0.6, 2.4], [2, 3])

const unary: [string, Op, () => tf.Tensor][] = [
  ['abs', one(tf.abs), any],
  ['log', one(tf.log), positive],
  ['log1p', one(tf.log1p), positive],
  ['relu', one(tf.relu), any],
  ['relu6', one((x) => tf.relu6(tf.mul(x, 4))), any],
  ['maxPool', one((x) => tf.maxPool(tf.reshape<tf.Rank.R4>(x, [1, 2, 3, 1]), 2, 1, 'valid')), any],
  ['softplus', one(tf.softplus), any],
  ['square', one(tf.square), any],
  ['exp', one(tf.exp), any],
  ['reciprocal', one(tf.reciprocal), positive],
  ['rsqrt', one(tf.rsqrt), positive],
  ['sigmoid', one(tf.sigmoid), any],
  ['sqrt', one(tf.sqrt), positive],
  ['tanh', one(tf.tanh), any],
  ['neg', one(tf.neg), any],
  ['clone', one(tf.clone), any],
  ['cast', one((x) => tf.cast(x, 'float32')), any],
  ['clipByValue', one((x) => tf.clipByValue(x, -1, 1)), any],
  ['step', one((x) => tf.step(x)), any],
  ['sign', one(tf.sign), any],
  ['floor', one(tf.floor), any],
  ['sum of all', one((x) => tf.sum(x)), any],
  ['sum of an axis', one((x) => tf.sum(x, 0)), any],
  ['sum, kept', one((x) => tf.sum(x, 1, true)), any],
  ['mean of all', one((x) => tf.mean(x)), any],
  ['mean of an axis', one((x) => tf.mean(x, -1)), any],
  ['max', one((x) => tf.max(x, 1)), any],
  ['min, kept', one((x) => tf.min(x, 0, true)), any],
  ['softmax', one((x) => tf.softmax(x)), any],
  ['logSoftmax', one((x) => tf.logSoftmax(x)), any],
  ['logSumExp', one((x) => tf.logSumExp(x, 1)), any],
  ['norm', one((x) => tf.norm(x)), any],
  ['reshape', one((x) => tf.reshape(x, [3, 2])), any],
  ['expandDims', one((x) => tf.expandDims(x, 1)), any],
  ['transpose', one((x) => tf.transpose(x)), any],
  ['broadcastTo', one((x) => tf.broadcastTo(x, [4, 2, 3])), any],
  ['slice', one((x) => tf.slice(x, [0, 1], [2, 2])), any],
  [
    'pad',
    one((x) =>
      tf.pad(x, [
        [1, 0],
        [2, 3],
      ]),
    ),
    any,
  ],
  ['tile', one((x) => tf.tile(x, [2, 3])), any],
  ['reverse', one((x) => tf.reverse(x, 1)), any],
  ['gather rows', one((x) => tf.gather(x, tf.tensor1d([1, 1, 0], 'int32'))), any],
  ['gather columns', one((x) => tf.gather(x, tf.tensor1d([2, 0, 2, 2], 'int32'), 1)), any],
  ['split', one((x) => tf.mul(tf.split(x, [1, 2], 1)[1] as tf.Tensor, 3)), any],
  ['unstack', one((x) => tf.mul(tf.unstack(x, 1)[2] as tf.Tensor, 3)), any],
]

const binary: [string, Op][] = [
  ['add', two(tf.add)],
  ['sub', two(tf.sub)],
  ['mul', two(tf.mul)],
  ['div', two(tf.div)],
  ['maximum', two(tf.maximum)],
  ['minimum', two(tf.minimum)],
  ['squaredDifference', two(tf.squaredDifference)],
  ['pow', two(tf.pow)],
]

describe.each([OURS, 'cpu'] as const)('gradient on %s', (engine) => {
  beforeAll(() => startEngine({ engine }))

  test.each(unary)('of %s', (_, op, input) => {
    tf.tidy(() => expectGradients(op, [input()]))
  })

  describe.each(binary)('of %s', (_, op) => {
    test('with equal shapes', () => {
      tf.tidy(() => expectGradients(op, [positive(), tf.add(tf.reverse(positive(), 1), 0.05)]))
    })
    test('with either operand broadcast', () => {
      tf.tidy(() => {
        expectGradients(op, [positive(), tf.tensor1d([0.7, 1.3, 2.1])])
        expectGradients(op, [tf.scalar(1.4), positive()])
        expectGradients(op, [tf.tensor2d([[0.7], [1.3]]), positive()])
      })
    })
  })

  test('of where, on both sides', () => {
    const condition = tf.tensor2d(
      [
        [1, 0, 1],
        [0, 0, 1],
      ],
      [2, 3],
      'bool',
    )
    tf.tidy(() =>
      expectGradients(
        two((a, b) => tf.where(condition, a, b)),
        [any(), positive()],
      ),
    )
    condition.dispose()
  })

  test('of concat, stack and addN', () => {
    tf.tidy(() => {
      expectGradients(
        two((a, b) => tf.concat([a, b], 1)),
        [any(), normal('b', [2, 2])],
      )
      expectGradients(
        two((a, b) => tf.stack([a, b], 1)),
        [any(), positive()],
      )
      expectGradients(
        two((a, b) => tf.addN([a, b])),
        [any(), positive()],
      )
    })
  })

  test.each([
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ])('of matMul, transposed %s, %s', (transposeA, transposeB) => {
    tf.tidy(() => {
      const a = transposeA ? normal('a', [2, 4, 3]) : normal('a', [2, 3, 4])
      const b = transposeB ? normal('b', [1, 5, 4]) : normal('b', [1, 4, 5])
      expectGradients(
        two((a, b) => tf.matMul(a, b, transposeA, transposeB)),
        [a, b],
      )
    })
  })

  test('of convolutions', () => {
    tf.tidy(() => {
      const x = normal('x', [2, 5, 4, 3])
      expectGradients(
        two((x, f) => tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, 2, 1)),
        [x, normal('f', [3, 3, 3, 2])],
      )
      expectGradients(
        two((x, f) => tf.depthwiseConv2d(x as tf.Tensor4D, f as tf.Tensor4D, 2, 1)),
        [x, normal('f', [3, 3, 3, 1])],
      )
    })
  })

  test('leaves no tensor behind', () => {
    const before = tf.memory().numTensors
    for (const [, op, input] of unary) tf.tidy(() => expectGradients(op, [input()]))
    expect(tf.memory().numTensors).toBe(before)
  })

  test('says by name which op has none', () => {
    expect(() => tf.tidy(() => tf.grad((x: tf.Tensor) => tf.sum(tf.cumsum(x)))(any()))).toThrow(
      'gradient function not found for Cumsum',
    )
  })
})
