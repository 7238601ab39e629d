/** What only the native engine has: ops that write to a session's variables, and sums whose bits do not depend on threads. */
import * as tf from '@tensorflow/tfjs-core'
import { enqueue, sgdMomentum, startEngine, towards } from '@tessera/shared/engine'
import { beforeAll, describe, expect, test } from 'vitest'
import { tensorflowEngine } from '../../../../shared/engine/tensorflow/start.ts'
import { normal } from '../support.ts'

type Attribute = [
  name: string,
  type: 'TF_ATTR_FLOAT' | 'TF_ATTR_STRING' | 'TF_ATTR_TYPE' | 'TF_ATTR_SHAPE',
  value: unknown,
]

/** Runs an op of TensorFlow by name. */
function run(op: string, inputs: tf.Tensor[], attributes: Attribute[], outputs: number): tf.Tensor[] {
  const { backend } = tensorflowEngine()
  const written = attributes.map(([name, type, value]) => ({ name, type: backend.binding[type], value }))
  return backend.executeMultipleOutputs(op, written, inputs, outputs) as tf.Tensor[]
}

let variables = 0

/** A variable that holds `value`, and what it holds when asked. */
function variable(value: tf.Tensor): { handle: tf.Tensor; read: () => tf.Tensor } {
  const float: Attribute = ['dtype', 'TF_ATTR_TYPE', tensorflowEngine().backend.binding.TF_FLOAT]
  const shape: Attribute = ['shape', 'TF_ATTR_SHAPE', value.shape]
  // Without a name of its own it would be the same variable as the last.
  const name: Attribute = ['shared_name', 'TF_ATTR_STRING', `own-ops ${++variables}`]
  const [handle] = run('VarHandleOp', [], [float, shape, name], 1) as [tf.Tensor]
  run('AssignVariableOp', [handle, value], [float], 0)
  return { handle, read: () => run('ReadVariableOp', [handle], [float], 1)[0] as tf.Tensor }
}

const numbers = (x: tf.Tensor): number[] => [...x.dataSync()]

describe('ops of our own for TensorFlow', () => {
  beforeAll(() => startEngine({ engine: 'tensorflow' }))

  test.each([1, 16, 37, 40_000])('a step in place is the step, %i weights', (count) => {
    tf.tidy(() => {
      const [w, g, v] = ['w', 'g', 'v'].map((seed) => normal(seed, [count])) as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ]
      const want = sgdMomentum(w, g, v, {
        learningRate: tf.scalar(0.1),
        momentum: 0.9,
        weightDecay: 1e-4,
      })
      const [weight, velocity] = [variable(tf.add(w, 0)), variable(tf.add(v, 0))]
      const settings: Attribute[] = [
        ['momentum', 'TF_ATTR_FLOAT', 0.9],
        ['weight_decay', 'TF_ATTR_FLOAT', 1e-4],
      ]
      const before = weight.read()
      const old = numbers(w)
      run('TesseraApplySgdMomentum', [weight.handle, velocity.handle, g, tf.scalar(0.1)], settings, 0)
      expect(numbers(weight.read())).toEqual(numbers(want.weight))
      expect(numbers(velocity.read())).toEqual(numbers(want.velocity))
      // Who read the weight before the step keeps what it read.
      expect(numbers(before)).toEqual(old)
    })
  })

  test('a moving average and a queue move in place as they do by value', () => {
    tf.tidy(() => {
      const [a, b] = [normal('a', [9, 5]), normal('b', [9, 5])]
      const average = variable(tf.add(a, 0))
      run('TesseraApplyTowards', [average.handle, b], [['keep', 'TF_ATTR_FLOAT', 0.75]], 0)
      expect(numbers(average.read())).toEqual(numbers(towards(a, b, 0.75)))
      const queue = variable(tf.add(a, 0))
      const [rows, index] = [normal('rows', [4, 5]), tf.scalar(7, 'int32')]
      run('TesseraApplyEnqueue', [queue.handle, rows, index], [], 0)
      expect(numbers(queue.read())).toEqual(numbers(enqueue(a, rows, index)))
    })
  })

  test('an index outside of the queue and a gradient of another shape are refused, by name', () => {
    tf.tidy(() => {
      const ring = variable(tf.zeros([4, 2]))
      const at = tf.scalar(4, 'int32')
      expect(() => run('TesseraApplyEnqueue', [ring.handle, tf.ones([1, 2]), at], [], 0)).toThrow(
        'index must be in [0, 4), got 4',
      )
      const keep: Attribute = ['keep', 'TF_ATTR_FLOAT', 0.5]
      expect(() => run('TesseraApplyTowards', [ring.handle, tf.ones([3])], [keep], 0)).toThrow(
        'b must have shape [4,2], got [3]',
      )
    })
  })

  test('sums over a batch have the same bits each time', () => {
    const step = (): number[] =>
      tf.tidy(() => {
        const x = normal('x', [8, 40, 40, 24])
        const filter = normal('filter', [5, 5, 24, 1])
        const loss = (x: tf.Tensor, filter: tf.Tensor): tf.Tensor =>
          tf.square(tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 2, 'same'))
        const [dx, dFilter] = tf.grads(loss)([x, filter]) as [tf.Tensor, tf.Tensor]
        return [...numbers(dFilter), ...numbers(tf.sum(dx, [0, 1, 2]))]
      })
    const first = step()
    for (let i = 0; i < 5; i++) expect(step()).toEqual(first)
  })
})
