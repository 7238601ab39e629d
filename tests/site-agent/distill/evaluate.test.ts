import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'
import { backboneLayout, initialStudent, initialWeights, type Weights } from '@tessera/shared/model'
import { evaluate } from '@tessera/site-agent/distill'
import { beforeAll, describe, expect, test } from 'vitest'
import { createStepperPool, type StepperPool } from '../../../simulations/in-process/stepper-pool.ts'
import { makeStudy, makeTiles, TINY } from './support.ts'

const architecture = { name: 'efficientnet-b0', ...TINY } as const
const tiles = makeTiles(7)
const weights = initialWeights(backboneLayout(architecture, 3), 'weights')

beforeAll(async () => {
  await startEngine({ engine: 'wasm' })
})

describe('evaluate()', () => {
  test('predicts the class of the largest logit, in the order of the tiles', async () => {
    // A classifier that always prefers class 1.
    const fixed: Weights = new Map(weights)
      .set('classifier.1.weight', new Float32Array(3 * 128))
      .set('classifier.1.bias', Float32Array.of(0, 1, 0.5))
    const result = await evaluate({ architecture, classes: 3, weights: fixed, tiles, batchSize: 3 })
    expect([...result.truth]).toEqual([0, 1, 2, 0, 1, 2, 0])
    expect([...result.predicted]).toEqual([1, 1, 1, 1, 1, 1, 1])
    // softmax of 0, 1 and 0.5, to float32's rounding
    const sum = 1 + Math.exp(1) + Math.exp(0.5)
    for (const [i, p] of result.probabilities.entries())
      expect(p).toBeCloseTo(Math.exp([0, 1, 0.5][i % 3] ?? 0) / sum, 6)
    expect(result.matrix).toEqual([
      [0, 3, 0],
      [0, 2, 0],
      [0, 2, 0],
    ])
  })

  test('does not depend on the size of the batch', async () => {
    const [one, all] = await Promise.all(
      [1, 7].map((batchSize) => evaluate({ architecture, classes: 3, weights, tiles, batchSize })),
    )
    expect(one).toEqual(all)
  })

  test('gives the same with one stepper that is lent to one set of tiles after the other', async () => {
    const pool = createStepperPool()
    const other = initialWeights(backboneLayout(architecture, 3), 'other weights')
    const models = [weights, other, weights]
    const common = { architecture, classes: 3, tiles, batchSize: 4 }
    const createStepper: StepperPool['obtain'] = (state, step) => pool.obtain(state, step)
    const before = tf.memory().numTensors
    const held: number[] = []
    for (const model of models) {
      const lent = await evaluate({ ...common, weights: model, createStepper })
      expect(lent).toEqual(await evaluate({ ...common, weights: model }))
      held.push(tf.memory().numTensors)
    }
    expect(new Set(held).size).toBe(1)
    pool.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  test('takes a MoMA student with its head and attention', async () => {
    const study = makeStudy()
    const student = initialStudent(study, null)
    const { matrix } = await evaluate({
      architecture: study.student,
      classes: 3,
      weights: student,
      tiles,
      batchSize: 4,
    })
    expect(matrix.flat().reduce((sum, n) => sum + n, 0)).toBe(7)
  })

  test('refuses weights of another architecture, and leaves no tensor behind', async () => {
    const before = tf.memory().numTensors
    const wider = { ...architecture, widthMultiplier: 0.5 }
    await expect(
      evaluate({ architecture: wider, classes: 3, weights, tiles, batchSize: 4 }),
    ).rejects.toMatchObject({
      code: 'ERR_TENSOR_SHAPE',
    })
    await evaluate({ architecture, classes: 3, weights, tiles, batchSize: 4 })
    expect(tf.memory().numTensors).toBe(before)
  })

  test('stops between batches when told to', async () => {
    const stopped = evaluate({
      architecture,
      classes: 3,
      weights,
      tiles,
      batchSize: 4,
      signal: AbortSignal.abort(),
    })
    await expect(stopped).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
  })
})
