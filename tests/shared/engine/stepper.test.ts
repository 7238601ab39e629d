import * as tf from '@tensorflow/tfjs-core'
import {
  createStepper,
  enqueue,
  type NamedValues,
  type StepFunction,
  type Stepper,
  sgdMomentum,
  startEngine,
  towards,
} from '@tessera/shared/engine'
import { createRandom } from '@tessera/shared/random'
import { beforeAll, describe, expect, test } from 'vitest'
import { OURS } from './support.ts'

/** A line fitted by gradient descent, a teacher that follows it, a ring of what came in: every way that a step moves its state. */
const fit: StepFunction = (state, feeds) => {
  const [w, v, slow, ring] = ['w', 'v', 'slow', 'ring'].map((name) => state.get(name) as tf.Tensor)
  const [x, y] = ['x', 'y'].map((name) => feeds.get(name) as tf.Tensor2D) as [tf.Tensor2D, tf.Tensor2D]
  const lossOf = (weight: tf.Tensor): tf.Scalar =>
    tf.mean(tf.square(tf.sub(tf.matMul(x, weight as tf.Tensor2D), y)))
  const { value, grad } = tf.valueAndGrad(lossOf)(w as tf.Tensor)
  const settings = { learningRate: feeds.get('rate') as tf.Scalar, momentum: 0.9, weightDecay: 0.01 }
  const moved = sgdMomentum(w as tf.Tensor, grad, v as tf.Tensor, settings)
  return {
    next: new Map([
      ['w', moved.weight],
      ['v', moved.velocity],
      ['slow', towards(slow as tf.Tensor, w as tf.Tensor, 0.9)],
      ['ring', enqueue(ring as tf.Tensor2D, x, feeds.get('at') as tf.Scalar)],
    ]),
    outputs: new Map<string, tf.Tensor>([
      ['loss', value],
      ['rows', tf.scalar(x.shape[0], 'int32')],
    ]),
  }
}

const SIZES = { w: [3, 2], v: [3, 2], slow: [3, 2], ring: [5, 3] }

function start(): NamedValues {
  const random = createRandom('start')
  return new Map(
    Object.entries(SIZES).map(([name, shape]) => {
      const count = shape.reduce((product, size) => product * size, 1)
      return [name, { shape, values: Float32Array.from({ length: count }, () => random.normal()) }]
    }),
  )
}

function feedsOf(step: number, rows: number): NamedValues {
  const random = createRandom(`step ${step}`)
  const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal())
  return new Map([
    ['x', { shape: [rows, 3], values: numbers(rows * 3) }],
    ['y', { shape: [rows, 2], values: numbers(rows * 2) }],
    ['rate', { shape: [], values: Float32Array.of(0.1 / (1 + step)) }],
    ['at', { shape: [], values: Int32Array.of((2 * step) % 5) }],
  ])
}

/** The same steps in plain numbers. */
function byLoops(steps: readonly number[]): { losses: number[]; state: Map<string, number[]> } {
  const state = new Map([...start()].map(([name, { values }]) => [name, [...values]]))
  const losses = steps.map((rows, step) => {
    const feeds = feedsOf(step, rows)
    const at = (name: string): number[] => state.get(name) ?? []
    const fed = (name: string): number[] => [...(feeds.get(name)?.values ?? [])]
    const [w, x, y] = [at('w'), fed('x'), fed('y')]
    const gradient = w.map(() => 0)
    let loss = 0
    for (let row = 0; row < rows; row++) {
      for (let o = 0; o < 2; o++) {
        let error = -(y[row * 2 + o] ?? 0)
        for (let i = 0; i < 3; i++) error += (x[row * 3 + i] ?? 0) * (w[i * 2 + o] ?? 0)
        loss += error ** 2 / (rows * 2)
        for (let i = 0; i < 3; i++) {
          gradient[i * 2 + o] = (gradient[i * 2 + o] ?? 0) + (2 * error * (x[row * 3 + i] ?? 0)) / (rows * 2)
        }
      }
    }
    const v = at('v').map((value, i) => 0.9 * value + (gradient[i] ?? 0) + 0.01 * (w[i] ?? 0))
    state.set(
      'slow',
      at('slow').map((value, i) => 0.9 * value + 0.1 * (w[i] ?? 0)),
    )
    state.set('v', v)
    state.set(
      'w',
      w.map((value, i) => value - (fed('rate')[0] ?? 0) * (v[i] ?? 0)),
    )
    const ring = at('ring')
    for (let i = 0; i < x.length; i++) ring[((fed('at')[0] ?? 0) * 3 + i) % 15] = x[i] ?? 0
    return loss
  })
  return { losses, state }
}

async function stateOf(stepper: Stepper): Promise<Map<string, Float32Array>> {
  return stepper.read(Object.keys(SIZES))
}

describe('createStepper()', () => {
  beforeAll(() => startEngine({ engine: OURS }))

  test('moves the state as loops do, whatever shapes the feeds have', async () => {
    const stepper = createStepper(start(), fit)
    const rows = [2, 2, 4, 2, 1, 4, 2]
    const losses: number[] = []
    for (const [step, count] of rows.entries()) {
      const outputs = await stepper.run(feedsOf(step, count))
      losses.push(outputs.get('loss')?.[0] ?? Number.NaN)
      expect(outputs.get('rows')).toEqual(Int32Array.of(count))
    }
    const want = byLoops(rows)
    // float32 against float64 over seven steps.
    expect(losses).toBeAllclose(want.losses, { relative: 1e-5 })
    for (const [name, values] of await stateOf(stepper)) {
      expect([...values], name).toBeAllclose(want.state.get(name) ?? [], { relative: 1e-5, absolute: 1e-6 })
    }
    stepper.dispose()
  })

  test('gives the same bits again', async () => {
    const runs = [1, 2].map(async () => {
      const stepper = createStepper(start(), fit)
      for (let step = 0; step < 5; step++) await stepper.run(feedsOf(step, 4))
      const state = await stateOf(stepper)
      stepper.dispose()
      return state
    })
    const [first, second] = await Promise.all(runs)
    expect(second).toEqual(first)
  })

  test('goes on from what is written in', async () => {
    const straight = createStepper(start(), fit)
    for (let step = 0; step < 4; step++) await straight.run(feedsOf(step, 3))
    const early = createStepper(start(), fit)
    for (let step = 0; step < 2; step++) await early.run(feedsOf(step, 3))
    const late = createStepper(start(), fit)
    await late.write(await stateOf(early))
    for (let step = 2; step < 4; step++) await late.run(feedsOf(step, 3))
    expect(await stateOf(late)).toEqual(await stateOf(straight))
    for (const stepper of [straight, early, late]) stepper.dispose()
  })

  test('reads what is there and nothing else', async () => {
    const stepper = createStepper(start(), fit)
    expect((await stepper.read([])).size).toBe(0)
    expect((await stepper.read(['w'])).get('w')).toEqual(start().get('w')?.values)
    await expect(stepper.read(['u'])).rejects.toMatchObject({ code: 'ERR_LAYOUT_MISMATCH' })
    stepper.dispose()
  })

  test('takes feeds that lie in shared memory, as tiles of worker threads do', async () => {
    const shared = (values: Float32Array | Int32Array): Float32Array | Int32Array => {
      const memory = new SharedArrayBuffer(values.byteLength)
      const copy = values instanceof Int32Array ? new Int32Array(memory) : new Float32Array(memory)
      copy.set(values)
      return copy
    }
    const run = async (feeds: NamedValues): Promise<Map<string, Float32Array>> => {
      const stepper = createStepper(start(), fit)
      await stepper.run(feeds)
      const state = await stateOf(stepper)
      stepper.dispose()
      return state
    }
    const feeds = feedsOf(0, 4)
    const inShared = new Map(
      [...feeds].map(([name, { shape, values }]) => [name, { shape, values: shared(values) }]),
    )
    expect(await run(inShared)).toEqual(await run(feeds))
  })

  test('leaves no tensor behind', async () => {
    const before = tf.memory().numTensors
    const stepper = createStepper(start(), fit)
    await stepper.run(feedsOf(0, 2))
    const held = tf.memory().numTensors
    for (let step = 1; step < 4; step++) await stepper.run(feedsOf(step, 2))
    expect(tf.memory().numTensors).toBe(held)
    stepper.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  test('rejects when the step throws, and holds no more tensors than before', async () => {
    const stepper = createStepper(start(), () => {
      tf.ones([4])
      throw new Error('no step today')
    })
    await stepper.read(['w'])
    const held = tf.memory().numTensors
    await expect(stepper.run(feedsOf(0, 2))).rejects.toThrow('no step today')
    expect(tf.memory().numTensors).toBe(held)
    stepper.dispose()
  })
})
