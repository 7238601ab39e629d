import * as tf from '@tensorflow/tfjs-core'
import { enqueue, startEngine } from '@tessera/shared/engine'
import { describe, expect, test } from 'vitest'
import { normal, OURS, valuesOn } from '../support.ts'

/** Row by row, as a ring is written. */
function ring(queue: Float32Array, rows: Float32Array, width: number, index: number): Float32Array {
  const after = Float32Array.from(queue)
  const size = queue.length / width
  for (let r = 0; r < rows.length / width; r++) {
    after.set(rows.subarray(r * width, (r + 1) * width), ((index + r) % size) * width)
  }
  return after
}

describe('enqueue()', () => {
  test.each([
    [5, 2, 0],
    [5, 2, 3],
    [5, 2, 4],
    [5, 5, 0],
    [5, 5, 2],
    [5, 7, 1],
    [5, 13, 4],
    [1, 3, 0],
    [4, 0, 2],
  ])('writes a ring of %i rows with %i from row %i on', async (size, count, index) => {
    const queue = (): tf.Tensor2D => normal('queue', [size, 3])
    const rows = (): tf.Tensor2D => normal('rows', [count, 3])
    const [old, entering, got] = await valuesOn(OURS, () => [
      queue(),
      rows(),
      enqueue(queue(), rows(), tf.scalar(index, 'int32')),
    ])
    expect([...(got ?? [])]).toEqual([...ring(old as Float32Array, entering as Float32Array, 3, index)])
  })

  test('refuses rows of another width, and an index that is not a whole number', async () => {
    await startEngine({ engine: OURS })
    const at = tf.scalar(0, 'int32')
    const queue = tf.zeros<tf.Rank.R2>([4, 3])
    expect(() => enqueue(queue, tf.zeros([2, 2]), at)).toThrow('enqueue, rows:')
    expect(() => enqueue(queue, tf.zeros([2, 3]), tf.scalar(0))).toThrow('must be of int32, got float32')
    expect(() => enqueue(queue, tf.zeros([2, 3]), tf.zeros<tf.Rank>([1], 'int32') as tf.Scalar)).toThrow(
      'enqueue, index:',
    )
  })
})
