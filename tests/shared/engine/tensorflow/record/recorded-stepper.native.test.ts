/** What only a recorded step does: it is traced once, refuses what cannot be recorded, and says where a failure comes from. */
import * as tf from '@tensorflow/tfjs-core'
import { createStepper, enqueue, type NamedValues, startEngine } from '@tessera/shared/engine'
import { beforeAll, describe, expect, test } from 'vitest'

const state: NamedValues = new Map([['w', { shape: [2], values: Float32Array.of(1, 2) }]])
const feeds = (...values: number[]): NamedValues =>
  new Map([['x', { shape: [values.length], values: Float32Array.from(values) }]])

describe('a recorded step', () => {
  beforeAll(() => startEngine({ engine: 'tensorflow' }))

  test('is called once for each set of shapes', async () => {
    let calls = 0
    const stepper = createStepper(state, (_, fed) => {
      calls++
      return { next: new Map(), outputs: new Map([['sum', tf.sum(fed.get('x') as tf.Tensor)]]) }
    })
    const sums: (number | undefined)[] = []
    for (const fed of [feeds(1, 2), feeds(3, 4), feeds(5), feeds(6, 7), feeds(8)]) {
      sums.push((await stepper.run(fed)).get('sum')?.[0])
    }
    expect(sums).toEqual([3, 7, 5, 13, 8])
    expect(calls).toBe(2)
    stepper.dispose()
  })

  test('computes nothing while it is recorded: a value cannot be read', async () => {
    const stepper = createStepper(state, (_, fed) => {
      ;(fed.get('x') as tf.Tensor).dataSync()
      return { next: new Map(), outputs: new Map() }
    })
    await expect(stepper.run(feeds(1))).rejects.toMatchObject({
      code: 'ERR_ENGINE_GRAPH',
      message: 'recorded step must read no value while it is recorded',
    })
    stepper.dispose()
  })

  test('uses no tensor from outside', async () => {
    const outside = tf.add(tf.ones([2]), 1)
    const stepper = createStepper(state, (_, fed) => ({
      next: new Map(),
      outputs: new Map([['y', tf.mul(fed.get('x') as tf.Tensor, outside)]]),
    }))
    await expect(stepper.run(feeds(1, 2))).rejects.toMatchObject({
      code: 'ERR_ENGINE_GRAPH',
      message: 'recorded step must use tensors of its state and its feeds only, got a tensor from outside',
    })
    stepper.dispose()
    outside.dispose()
  })

  test('names the op and the line of an op that does not fit', async () => {
    const stepper = createStepper(state, (_, fed) => {
      const x = fed.get('x') as tf.Tensor1D
      // Past the checks of TensorFlow.js: what TensorFlow itself refuses.
      const broken = tf.engine().runKernel<tf.Tensor>(tf.Reshape, { x }, { shape: [7] })
      return { next: new Map(), outputs: new Map([['y', broken]]) }
    })
    await expect(stepper.run(feeds(1, 2))).rejects.toMatchObject({
      code: 'ERR_ENGINE_GRAPH',
      message: expect.stringMatching(
        /^recorded op Reshape must fit its inputs, got: .*stepper\.native\.test\.ts:\d+\)$/s,
      ),
    })
    stepper.dispose()
  })

  test('names the op and the line of an op that fails when it runs', async () => {
    const ring: NamedValues = new Map([['ring', { shape: [3, 1], values: Float32Array.of(1, 2, 3) }]])
    const stepper = createStepper(ring, (own, fed) => {
      const moved = enqueue(own.get('ring') as tf.Tensor2D, tf.ones([1, 1]), fed.get('at') as tf.Scalar)
      return { next: new Map(), outputs: new Map([['ring', moved]]) }
    })
    const at = (row: number): NamedValues => new Map([['at', { shape: [], values: Int32Array.of(row) }]])
    expect((await stepper.run(at(1))).get('ring')).toEqual(Float32Array.of(1, 1, 3))
    await expect(stepper.run(at(7))).rejects.toMatchObject({
      code: 'ERR_ENGINE_GRAPH',
      message: expect.stringMatching(
        /index must be in \[0, 3\), got 7.* in TesseraEnqueue \(record\/recorded-stepper\.native\.test\.ts:\d+\)$/,
      ),
    })
    // A failed run leaves the session usable.
    expect((await stepper.run(at(2))).get('ring')).toEqual(Float32Array.of(1, 2, 1))
    stepper.dispose()
  })

  test('writes in place what has no other reader, and gives old readers the old value', async () => {
    const stepper = createStepper(state, (own) => {
      const w = own.get('w') as tf.Tensor
      return {
        next: new Map([['w', tf.add(w, 1)]]),
        outputs: new Map([['before', tf.mul(w, 10)]]),
      }
    })
    for (let step = 0; step < 3; step++) {
      const { before } = Object.fromEntries(await stepper.run(new Map()))
      expect(before).toEqual(Float32Array.of(10 * (1 + step), 10 * (2 + step)))
    }
    expect((await stepper.read(['w'])).get('w')).toEqual(Float32Array.of(4, 5))
    stepper.dispose()
  })

  test('lets the event loop turn while it runs', async () => {
    const side = 600
    const stepper = createStepper(new Map(), (_, fed) => {
      let x = fed.get('x') as tf.Tensor2D
      for (let i = 0; i < 8; i++) x = tf.mul(tf.matMul(x, x), 1e-3)
      return { next: new Map(), outputs: new Map([['sum', tf.sum(x)]]) }
    })
    const big = new Map([['x', { shape: [side, side], values: new Float32Array(side * side).fill(0.01) }]])
    await stepper.run(big)
    let turns = 0
    let running = true
    const turn = (): void => {
      turns++
      if (running) setImmediate(turn)
    }
    setImmediate(turn)
    await stepper.run(big)
    running = false
    expect(turns).toBeGreaterThan(5)
    stepper.dispose()
  })

  test('holds its memory over 300 steps', async () => {
    const count = 200_000
    const values = new Float32Array(count).fill(1)
    const stepper = createStepper(new Map([['w', { shape: [count], values }]]), (own, fed) => {
      const w = own.get('w') as tf.Tensor
      return {
        next: new Map([['w', tf.sub(w, tf.mul(fed.get('x') as tf.Tensor, 0.5))]]),
        outputs: new Map([['sum', tf.sum(w)]]),
      }
    })
    const steps = async (n: number): Promise<number> => {
      for (let i = 0; i < n; i++) await stepper.run(new Map([['x', { shape: [count], values }]]))
      return process.memoryUsage().rss
    }
    const before = await steps(100)
    const after = await steps(200)
    // A leak of one tensor a step would be 160 MB; buffers that wait for the collector come and go by some 30.
    expect((after - before) / 2 ** 20).toBeLessThan(80)
    stepper.dispose()
  })
})
