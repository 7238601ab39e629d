import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'
import { runMomaCase } from '@tessera/site-agent/distill'
import { beforeAll, describe, expect, test } from 'vitest'
import { CONFIG, momaCase } from './reference-case.ts'

beforeAll(async () => {
  await startEngine({ engine: 'wasm' })
})

const ones = (length: number): number[] => Array.from({ length }, () => 1)

describe('runMomaCase()', () => {
  test('computes what is expected and no other, and leaves no tensor behind', () => {
    const before = tf.memory().numTensors
    const results = runMomaCase(
      momaCase(['query', 'loss.total', 'nextQueueIndex', 'grad.student_head.fc1.weight']),
    )
    expect([...results].map(([name, values]) => [name, values.length])).toEqual([
      ['query', 12],
      ['loss.total', 1],
      ['nextQueueIndex', 1],
      ['grad.student_head.fc1.weight', 16],
    ])
    expect(results.get('nextQueueIndex')).toEqual(Float32Array.of(2))
    expect(tf.memory().numTensors).toBe(before)
  })

  test('needs no teacher logits for another task, and then has no KL', () => {
    const other = momaCase(['loss.total', 'loss.ce', 'loss.nce'], { ...CONFIG, teacherTask: 'different' })
    const results = runMomaCase({
      ...other,
      inputs: new Map([...other.inputs].filter(([name]) => name !== 'teacher_logits')),
    })
    const [total, ce, nce] = [...results.values()].map(([value]) => value ?? Number.NaN)
    expect(total).toBeCloseTo((ce ?? 0) + (nce ?? 0), 4)
    expect(() => runMomaCase(momaCase(['loss.kl'], { ...CONFIG, teacherTask: 'different' }))).toThrow(
      'got loss.kl',
    )
  })

  test.each([
    [null, 'config must be an object, got null'],
    [[], 'config must be an object, got []'],
    [{ ...CONFIG, weights: 3 }, 'config.weights must be an object, got 3'],
    [{ ...CONFIG, heads: 0 }, 'config.heads must be a number of at least 1, got 0'],
    [{ ...CONFIG, heads: 1.5 }, 'config.heads must be a whole number, got 1.5'],
    [{ ...CONFIG, heads: 3 }, 'feature width must be a multiple of the 3 heads, got 4'],
    [{ ...CONFIG, temperature: 0 }, 'config.temperature must be above 0'],
    [{ ...CONFIG, momentum: 'x'.repeat(99) }, 'config.momentum must be a number of at least 0, got "xxx'],
    [{ ...CONFIG, queueIndex: 5 }, 'config.queueIndex must be below 5, got 5'],
    [{ ...CONFIG, teacherTask: 'none' }, 'config.teacherTask must be same or different, got "none"'],
  ])('refuses the configuration %j', (config, message) => {
    expect(() => runMomaCase(momaCase(['query'], config))).toThrow(message)
  })

  test.each([
    ['input', 'labels', [3], [0, 2, 1], 'input.labels must be whole numbers in [0, 2), got 2'],
    ['input', 'labels', [3], [0, 0.5, 1], 'input.labels must be whole numbers in [0, 2), got 0.5'],
    ['input', 'queue', [20], ones(20), 'input.queue must have shape [K, columns], got [20]'],
    [
      'input',
      'student_logits',
      [2, 2],
      [1, 2, 3, 4],
      'input.student_logits must have shape [3, columns], got [2, 2]',
    ],
    ['input', 'queue', [5, 3], ones(15), 'queue must have shape [5, 4], got [5, 3]'],
    ['param', 'teacher_head.fc1.bias', [3], [1, 2, 3], 'student_head.fc1.bias must have shape [3], got [4]'],
    [
      'param',
      'attention_key.proj.weight',
      [2, 8],
      ones(16),
      'attention_key.proj.bias must have shape [2], got [4]',
    ],
  ])('refuses %s.%s of shape %j', (group, name, shape, data, message) => {
    const given = momaCase(['query'])
    const tensor = { shape, data: Float32Array.from(data) }
    const replaced =
      group === 'input'
        ? { ...given, inputs: new Map(given.inputs).set(name, tensor) }
        : { ...given, params: new Map(given.params).set(name, tensor) }
    expect(() => runMomaCase(replaced)).toThrow(message)
  })

  test('says what a step computes when a case expects something else', () => {
    expect(() => runMomaCase(momaCase(['embedding']))).toThrow(
      /case must expect what its kind computes \(loss\.total, .*, got embedding/,
    )
    expect(() => runMomaCase({ ...momaCase(['query']), params: new Map() })).toThrow(
      'tensors must have teacher_head.fc1.weight',
    )
  })
})
