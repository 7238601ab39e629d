import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'
import { describe, expect, test } from 'vitest'
import { expectSameOnBoth, normal, OURS, valuesOn } from '../support.ts'

describe('Sigmoid', () => {
  test.each([1, 3, 4, 7, 8, 9, 1000])('of %i numbers', async (count) => {
    await expectSameOnBoth(() => [tf.sigmoid(normal('x', [count], 0, 5))])
  })

  test('is 1 / (1 + e^-x) to 5e-7 of itself where float32 has room for it', async () => {
    const x = Float32Array.from({ length: 1601 }, (_, i) => (i - 800) / 10)
    const [got] = await valuesOn(OURS, () => [tf.sigmoid(tf.tensor1d(x))])
    // Our exponential is good to 2e-7, the sum and the quotient round once each; TensorFlow's own stays within 4e-7.
    expect(got ?? []).toBeAllclose(
      Array.from(x, (value) => 1 / (1 + Math.exp(-value))),
      { relative: 5e-7 },
    )
  })

  test('keeps to [0, 1] far out, and passes on what is not a number', async () => {
    const x = [-Infinity, -1000, 1000, Infinity, Number.NaN]
    const [got] = await valuesOn(OURS, () => [tf.sigmoid(tf.tensor1d(x))])
    expect(got?.slice(0, 4)).toBeAllclose([0, 0, 1, 1], { absolute: 1e-37 })
    expect(got?.[4]).toBeNaN()
  })
})

describe('UnsortedSegmentSum', () => {
  const sums = (ids: number[]): Promise<Float32Array[]> =>
    valuesOn(OURS, () => {
      const rows = [
        [1, 10],
        [2, 20],
        [4, 40],
        [8, 80],
      ]
      return [tf.unsortedSegmentSum(tf.tensor2d(rows), tf.tensor1d(ids, 'int32'), 3)]
    })

  test('adds rows by segment, in any order', async () => {
    const [got] = await sums([2, 0, 2, 1])
    expect([...(got ?? [])]).toEqual([2, 20, 8, 80, 5, 50])
  })

  test('leaves out ids beyond, or refuses them', async () => {
    if (OURS === 'tensorflow') await expect(sums([2, 0, 2, 7])).rejects.toThrow('= 7 is out of range [0, 3)')
    else expect([...((await sums([2, 0, 2, 7]))[0] ?? [])]).toEqual([2, 20, 0, 0, 5, 50])
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
    await startEngine({ engine: OURS })
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
