import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'
import type { CaseTensor } from '@tessera/shared/model/network'
import { type ReferenceCase, runMapCase } from '@tessera/site-agent/distill'
import { beforeAll, describe, expect, test } from 'vitest'
import { normals } from './support.ts'

beforeAll(async () => {
  await startEngine({ engine: 'wasm' })
})

const tensor = (name: string, ...shape: number[]): [string, CaseTensor] => [
  name,
  {
    shape,
    data: normals(
      name,
      shape.reduce((a, b) => a * b, 1),
    ),
  },
]
const given: ReferenceCase = {
  config: { method: 'attention-transfer' },
  inputs: new Map([tensor('student.1', 2, 3, 4, 4), tensor('teacher.1', 2, 5, 4, 4)]),
  params: new Map(),
  expected: ['loss.total', 'grad.student.1'],
}

describe('runMapCase()', () => {
  test('computes what is expected and no other, and leaves no tensor behind', async () => {
    const before = tf.memory().numTensors
    const results = await runMapCase(given)
    expect([...results].map(([name, values]) => [name, values.length])).toEqual([
      ['loss.total', 1],
      ['grad.student.1', 96],
    ])
    expect(tf.memory().numTensors).toBe(before)
  })

  test.each<[string, Partial<ReferenceCase>, string]>([
    ['no object', { config: null }, 'config must be an object, got null'],
    [
      'an unknown method',
      { config: { method: 'moma' } },
      'config.method must be fitnet or attention-transfer or vid',
    ],
    ['no temperature', { config: { method: 'semckd' } }, 'config.temperature must be a number of at least 0'],
    [
      'no map',
      { config: { method: 'fitnet', regressor: 'relu' }, inputs: new Map(), expected: ['loss.total'] },
      'case must have tensors input.student.1 and input.teacher.1, got none',
    ],
    ['no regressor', { config: { method: 'fitnet', regressor: 'relu' } }, 'tensors must have hint.0.weight'],
    ['a gradient of nothing', { expected: ['grad.other'] }, 'tensors must have other, got none of that name'],
    ['what it does not compute', { expected: ['grad.student.1', 'embedding'] }, 'got embedding'],
    [
      'too few numbers',
      { inputs: new Map([...given.inputs, ['student.1', { shape: [9], data: new Float32Array(8) }]]) },
      'student.1 must have 9 values, got 8',
    ],
  ])('refuses %s', async (_, changes, message) => {
    const before = tf.memory().numTensors
    await expect(runMapCase({ ...given, ...changes })).rejects.toThrow(message)
    expect(tf.memory().numTensors).toBe(before)
  })
})
