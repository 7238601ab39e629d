import * as tf from '@tensorflow/tfjs-core'
import type { NamedValues } from '@tessera/shared/engine'
import { startEngine } from '@tessera/shared/engine'
import { beforeAll, describe, expect, test } from 'vitest'
import { createStepperPool } from '../../../simulations/in-process/stepper-pool.ts'

beforeAll(async () => {
  await startEngine({ engine: 'wasm', threads: 1 })
})

const state = (x: number, length = 2): NamedValues =>
  new Map([['x', { shape: [length], values: new Float32Array(length).fill(x) }]])
let recorded = 0
const step = (values: ReadonlyMap<string, tf.Tensor>) => {
  recorded++
  return {
    next: new Map([['x', tf.add(values.get('x') as tf.Tensor, 1)]]),
    outputs: new Map<string, tf.Tensor>(),
  }
}
const read = async (stepper: {
  read(names: string[]): Promise<Map<string, Float32Array>>
}): Promise<number[]> => [...((await stepper.read(['x'])).get('x') ?? [])]

describe('createStepperPool()', () => {
  test('gives a free stepper out again with the new state, and none of the old one', async () => {
    const pool = createStepperPool()
    const first = pool.obtain(state(1), step)
    await first.run(new Map())
    expect(await read(first)).toEqual([2, 2])
    first.dispose()
    const tensors = tf.memory().numTensors
    const second = pool.obtain(state(10), step)
    expect(await read(second)).toEqual([10, 10])
    await second.run(new Map())
    expect(await read(second)).toEqual([11, 11])
    expect(tf.memory().numTensors).toBe(tensors)
    second.dispose()
    pool.dispose()
    expect(recorded).toBeGreaterThan(0)
  })
  test('counts the time of steps, and not that of what is written before them and read after', async () => {
    let now = 0
    const pool = createStepperPool({ elapsed: () => (now += 5) })
    const stepper = pool.obtain(state(1), step)
    await stepper.write(new Map([['x', Float32Array.of(2, 2)]]))
    await stepper.run(new Map())
    await stepper.run(new Map())
    await read(stepper)
    expect(pool.stepMs()).toBe(10)
    stepper.dispose()
    pool.dispose()
  })

  test('keeps two that are in use apart, and states of other shapes', async () => {
    const before = tf.memory().numTensors
    const pool = createStepperPool()
    const [a, b] = [pool.obtain(state(1), step), pool.obtain(state(5), step)]
    await a.run(new Map())
    expect([await read(a), await read(b)]).toEqual([
      [2, 2],
      [5, 5],
    ])
    a.dispose()
    const c = pool.obtain(state(7, 3), step)
    expect(await read(c)).toEqual([7, 7, 7])
    for (const stepper of [b, c]) stepper.dispose()
    pool.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })
})
