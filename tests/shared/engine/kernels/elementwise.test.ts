import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'
import { describe, expect, test } from 'vitest'
import { expectSameOnBoth, normal, valuesOn } from '../support.ts'

describe('Sigmoid', () => {
  test.each([1, 3, 4, 7, 8, 9, 1000])('of %i numbers', async (count) => {
    await expectSameOnBoth(() => [tf.sigmoid(normal('x', [count], 0, 5))])
  })

  test('is 1 / (1 + e^-x) to 3e-7 of itself where float32 has room for it', async () => {
    const x = Float32Array.from({ length: 1601 }, (_, i) => (i - 800) / 10)
    const [got] = await valuesOn('wasm', () => [tf.sigmoid(tf.tensor1d(x))])
    // The exponential is good to 2e-7, the sum and the quotient round once each.
    expect(got ?? []).toBeAllclose(
      Array.from(x, (value) => 1 / (1 + Math.exp(-value))),
      { relative: 3e-7 },
    )
  })

  test('keeps to [0, 1] far out, and passes on what is not a number', async () => {
    const x = [-Infinity, -1000, 1000, Infinity, Number.NaN]
    const [got] = await valuesOn('wasm', () => [tf.sigmoid(tf.tensor1d(x))])
    expect(got?.slice(0, 4)).toBeAllclose([0, 0, 1, 1], { absolute: 1e-37 })
    expect(got?.[4]).toBeNaN()
  })
})

describe('UnsortedSegmentSum', () => {
  test('adds rows by segment, in any order, and leaves out ids beyond', async () => {
    const [got] = await valuesOn('wasm', () => [
      tf.unsortedSegmentSum(
        tf.tensor2d([
          [1, 10],
          [2, 20],
          [4, 40],
          [8, 80],
        ]),
        tf.tensor1d([2, 0, 2, 7], 'int32'),
        3,
      ),
    ])
    expect([...(got ?? [])]).toEqual([2, 20, 0, 0, 5, 50])
  })

  test('is the same on both', async () => {
    await expectSameOnBoth(() => {
      const ids = tf.tensor1d([3, 0, 0, 2, 3, 3, 1], 'int32')
      return [tf.unsortedSegmentSum(normal('x', [7, 3, 5]), ids, 4)]
    })
  })
})

describe('Identity', () => {
  test('shares the values: freeing either keeps the other', async () => {
    await startEngine()
    const before = tf.memory()
    const x = tf.tensor1d([1, 2, 3])
    const copy = x.clone()
    expect(tf.memory().numDataBuffers - before.numDataBuffers).toBe(1)
    x.dispose()
    expect([...copy.dataSync()]).toEqual([1, 2, 3])
    copy.dispose()
    expect(tf.memory().numBytes).toBe(before.numBytes)
  })
})
