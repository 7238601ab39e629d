import * as tf from '@tensorflow/tfjs-core'
import { assert, integer, nat, property, record } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { enqueue, initialQueue } from '../../../site-agent/distill/feature-queue.ts'
import { leaked, matrix, onEachEngine } from './support.ts'
import '../../support/allclose.ts'

describe('initialQueue()', () => {
  test('gives rows of unit length, the same for the same seed', () => {
    const rows = initialQueue(50, 8, 'seed')
    const norms = Array.from({ length: 50 }, (_, i) => Math.hypot(...rows.subarray(i * 8, (i + 1) * 8)))
    expect(norms).toBeAllclose(
      norms.map(() => 1),
      { absolute: 1e-6 },
    )
    expect(initialQueue(50, 8, 'seed')).toEqual(rows)
    expect(initialQueue(50, 8, 'other')).not.toEqual(rows)
  })

  test('prefers no direction', () => {
    const rows = initialQueue(4000, 2, 'seed')
    const mean = rows.reduce((sum, v) => sum + v, 0) / rows.length
    // Deviation of a coordinate is √½: the mean of 8 000 is within 0.03 at four deviations.
    expect(Math.abs(mean)).toBeLessThan(0.03)
  })
})

/** The ring as an array, written row by row. */
function byLoops(queue: number[], entering: number[], index: number): number[] {
  const next = [...queue]
  for (const [i, row] of entering.entries()) next[(index + i) % queue.length] = row
  return next
}

onEachEngine('enqueue()', () => {
  const column = (values: readonly number[]): tf.Tensor2D => tf.tensor2d([...values], [values.length, 1])

  test('writes rows from the index on, and goes on at the front', () => {
    const moved = enqueue(column([0, 1, 2, 3, 4]), column([10, 11, 12]), 3)
    expect([...moved.queue.dataSync()]).toEqual([12, 1, 2, 10, 11])
    expect(moved.nextIndex).toBe(1)
  })

  test('keeps the last rows of a batch that is larger than the queue', () => {
    const moved = enqueue(column([0, 0, 0]), column([1, 2, 3, 4, 5, 6, 7]), 2)
    expect([...moved.queue.dataSync()]).toEqual([5, 6, 7])
    expect(moved.nextIndex).toBe(0)
  })

  test('agrees with writing row by row, for any sizes', () => {
    const sizes = record({
      K: integer({ min: 1, max: 9 }),
      B: integer({ min: 1, max: 20 }),
      start: nat(),
    })
    assert(
      property(sizes, ({ K, B, start }) => {
        const queue = Array.from({ length: K }, (_, i) => -1 - i)
        const rows = Array.from({ length: B }, (_, i) => i)
        const moved = enqueue(column(queue), column(rows), start % K)
        expect([...moved.queue.dataSync()]).toEqual(byLoops(queue, rows, start % K))
        expect(moved.nextIndex).toBe(((start % K) + B) % K)
      }),
      { numRuns: 60 },
    )
  })

  test('passes over every row equally often when the batch does not divide the queue', () => {
    let queue = column([0, 0, 0, 0, 0, 0, 0])
    let index = 0
    for (let step = 1; step <= 7; step++) {
      const moved = enqueue(
        queue,
        tf.add(
          tf.gather(
            queue,
            [0, 1, 2].map((i) => (index + i) % 7),
          ),
          1,
        ),
        index,
      )
      queue = moved.queue
      index = moved.nextIndex
    }
    expect([...queue.dataSync()]).toEqual([3, 3, 3, 3, 3, 3, 3])
    expect(index).toBe(0)
  })

  test('refuses rows of another width', () => {
    expect(() => enqueue(matrix('queue', 4, 3), matrix('rows', 2, 2), 0)).toThrow(
      'entering must have shape [2, 3], got [2, 2]',
    )
  })

  test('leaves no tensor behind and the old queue as it was', () => {
    const [queue, rows] = [column([0, 1, 2]), column([9])]
    expect(leaked(() => enqueue(queue, rows, 1).queue)).toBe(0)
    expect([...queue.dataSync()]).toEqual([0, 1, 2])
  })
})
