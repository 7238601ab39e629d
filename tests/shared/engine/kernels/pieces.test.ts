import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { expectSameOnBoth, normal, valuesOn } from '../support.ts'

describe('Slice', () => {
  // One axis cut, none, several (the stock kernel's), to the end, nothing left.
  test.each([
    [
      [0, 0, 0],
      [2, 5, 7],
    ],
    [
      [2, 0, 0],
      [1, 5, 7],
    ],
    [
      [0, 1, 0],
      [4, 3, 7],
    ],
    [
      [0, 0, 2],
      [4, 5, 4],
    ],
    [
      [1, 1, 1],
      [2, 2, 2],
    ],
    [
      [0, 0, 3],
      [-1, -1, -1],
    ],
    [
      [0, 0, 0],
      [4, 5, 7],
    ],
    [
      [1, 0, 0],
      [0, 5, 7],
    ],
  ] as [number[], number[]][])('from %j, %j', async (begin, size) => {
    await expectSameOnBoth(() => [tf.slice(normal('x', [4, 5, 7]), begin, size)])
  })

  test('of a large tensor, along its first axis and its last', async () => {
    await expectSameOnBoth(() => {
      const x = normal('x', [1200, 700])
      return [tf.slice(x, [100, 0], [1000, 700]), tf.slice(x, [0, 13], [1200, 650])]
    })
  })

  test('of integers and truth values', async () => {
    await expectSameOnBoth(() => [
      tf.slice(tf.tensor2d([1, 2, 16777217, 4], [2, 2], 'int32'), [1, 0], [1, 2]),
      tf.slice(tf.tensor1d([true, false, true], 'bool'), [1], [2]),
    ])
  })
})

describe('Concat', () => {
  test.each([0, 1, 2, -1])('along axis %i', async (axis) => {
    await expectSameOnBoth(() => [
      tf.concat([normal('a', [3, 4, 5]), normal('b', [3, 4, 5]), normal('c', [3, 4, 5])], axis),
    ])
  })

  test('of parts of different lengths, of which one has nothing', async () => {
    await expectSameOnBoth(() => [
      tf.concat([normal('a', [3, 2]), normal('b', [3, 9]), tf.zeros([3, 0])], 1),
      tf.concat([tf.tensor1d([1, 2], 'int32'), tf.tensor1d([3], 'int32')]),
    ])
  })
})

describe('SplitV', () => {
  test.each([
    [[1, 3], 0],
    [[2, 4, 1], 1],
    [[2, -1], 1],
    [2, 0],
    [[7, 0], -1],
  ] as [number | number[], number][])('into %j along axis %i', async (sizes, axis) => {
    await expectSameOnBoth(() => tf.split(normal('x', [4, 7]), sizes, axis))
  })
})

describe('Add', () => {
  test('of equal shapes, of broadcast ones and of integers', async () => {
    await expectSameOnBoth(() => [
      tf.add(normal('a', [3, 50_001]), normal('b', [3, 50_001])),
      tf.add(normal('a', [3, 5]), normal('b', [5])),
      tf.add(tf.tensor1d([16777217, 1], 'int32'), tf.tensor1d([1, 1], 'int32')),
    ])
  })

  test('of nothing is nothing', async () => {
    const [values] = await valuesOn('wasm', () => [tf.add(tf.zeros([0]), tf.zeros([0]))])
    expect(values).toEqual(new Float32Array(0))
  })
})
