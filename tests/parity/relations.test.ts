import { readFileSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs-core'
import type { StepFunction } from '@tessera/shared/engine'
import { createStepper, type EngineChoice, startEngine } from '@tessera/shared/engine'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { contrastLogits, contrastLoss } from '../../site-agent/distill/contrast-loss.ts'
import { crdLoss, negativeWeights } from '../../site-agent/distill/crd-loss.ts'
import { linear, linearOf } from '../../site-agent/distill/linear.ts'
import { remembered } from '../../site-agent/distill/methods/crd-memory.ts'
import { modelContrastLoss } from '../../site-agent/distill/model-contrast.ts'
import { relationLoss } from '../../site-agent/distill/relation-loss.ts'
import { similarityLoss } from '../../site-agent/distill/similarity-loss.ts'
import { unitRows } from '../../site-agent/distill/unit-rows.ts'
import '../support/allclose.ts'

interface Numbers {
  readonly shape: number[]
  readonly values: number[]
}
interface Case {
  readonly config: Record<string, number> & { labels: number[]; own: number[]; drawn: number[] }
  readonly inputs: Record<string, Numbers>
  readonly losses: Record<string, number>
  readonly gradients: Record<string, Numbers>
  readonly after?: Record<string, Numbers>
}

const cases = JSON.parse(readFileSync(new URL('relations.json', import.meta.url), 'utf8')) as {
  readonly [K in 'sp' | 'rkd' | 'crd' | 'moon' | 'inBatch']: readonly Case[]
}

type Tensors = ReadonlyMap<string, tf.Tensor>
type Losses = Record<string, tf.Scalar>
const matrix = (tensors: Tensors, name: string): tf.Tensor2D => tensors.get(name) as tf.Tensor2D

/** Computes losses and gradients as a step: on back end tensorflow it is a recorded one. `after`: what else the step gives. */
async function run(
  { inputs, gradients }: Case,
  lossesOf: (tensors: Tensors) => Losses,
  after: (tensors: Tensors) => Tensors = () => new Map(),
): Promise<Map<string, ArrayLike<number>>> {
  const learnt = Object.keys(gradients)
  const step: StepFunction = (state) => {
    let losses: Losses = {}
    const total = (...tensors: tf.Tensor[]): tf.Scalar => {
      losses = lossesOf(
        new Map([...state, ...learnt.map((name, i) => [name, tensors[i] as tf.Tensor] as const)]),
      )
      for (const loss of Object.values(losses)) tf.keep(loss)
      return tf.addN(Object.values(losses))
    }
    const slopes = tf.grads(total)(learnt.map((name) => state.get(name) as tf.Tensor))
    return {
      next: new Map(),
      outputs: new Map([
        ...Object.entries(losses),
        ...learnt.map((name, i) => [`grad.${name}`, slopes[i] as tf.Tensor] as const),
        ...after(state),
      ]),
    }
  }
  const state = new Map(
    Object.entries(inputs).map(([name, { shape, values }]) => [
      name,
      { shape, values: Float32Array.from(values) },
    ]),
  )
  const stepper = createStepper(state, step)
  try {
    return await stepper.run(new Map())
  } finally {
    stepper.dispose()
  }
}

/** 1e-5 of the largest: sums of some hundred float32 products. CRD's e^(cos/0.07) reaches 10⁶ and takes a digit. */
function expectSame(
  got: Map<string, ArrayLike<number>>,
  { losses, gradients, after = {} }: Case,
  relative = 1e-5,
): void {
  for (const [name, loss] of Object.entries(losses)) {
    expect(got.get(name), name).toBeAllclose([loss], { relative })
  }
  const wanted = {
    ...Object.fromEntries(Object.entries(gradients).map(([k, v]) => [`grad.${k}`, v])),
    ...after,
  }
  for (const [name, { values }] of Object.entries(wanted)) {
    const largest = Math.max(...values.map(Math.abs))
    expect(got.get(name), name).toBeAllclose(values, { absolute: relative * largest })
  }
}

const engines: EngineChoice[] = process.env.TESSERA_ENGINE === 'tensorflow' ? ['tensorflow'] : ['wasm', 'cpu']

describe.each(engines)('as PyTorch has them, on %s', (engine) => {
  let before = 0
  beforeAll(async () => {
    await startEngine({ engine })
    before = tf.memory().numTensors
  })
  afterAll(() => {
    expect(tf.memory().numTensors).toBe(before)
  })

  test.each([...cases.sp.entries()])('similarityLoss(), case %i', async (_, given) => {
    expectSame(
      await run(given, (t) => ({ sp: similarityLoss(matrix(t, 'student'), matrix(t, 'teacher')) })),
      given,
    )
  })

  test.each([...cases.rkd.entries()])('relationLoss(), case %i', async (_, given) => {
    const losses = (t: Tensors): Losses => ({ ...relationLoss(matrix(t, 'student'), matrix(t, 'teacher')) })
    expectSame(await run(given, losses), given)
  })

  test.each([...cases.moon.entries()])('modelContrastLoss(), case %i', async (_, given) => {
    const temperature = given.config.temperature ?? Number.NaN
    const losses = (t: Tensors): Losses => ({
      moon: modelContrastLoss(matrix(t, 'student'), matrix(t, 'global'), matrix(t, 'previous'), temperature),
    })
    expectSame(await run(given, losses), given)
  })

  test.each([...cases.inBatch.entries()])('contrastLoss() without a queue, case %i', async (_, given) => {
    const temperature = given.config.temperature ?? Number.NaN
    const losses = (t: Tensors): Losses => {
      const features = { query: matrix(t, 'query'), key: matrix(t, 'key'), queue: null }
      return { nce: contrastLoss(contrastLogits(features, temperature)) }
    }
    expectSame(await run(given, losses), given)
  })

  test.each([...cases.crd.entries()])('crdLoss() and its memory, case %i', async (_, given) => {
    const { labels, own, drawn, temperature = 0, memoryMomentum = 0 } = given.config
    const embed = (t: Tensors, side: string): tf.Tensor2D =>
      unitRows(linear(matrix(t, side), linearOf(t, `${side}_embed`)))
    const ints = (values: readonly number[]): tf.Tensor1D => tf.tensor1d([...values], 'int32')
    const contrast = (t: Tensors, side: 'student' | 'teacher', index: number): ReturnType<typeof crdLoss> => {
      const memory = matrix(t, side === 'student' ? 'crd_teacher' : 'crd_student')
      const weights = negativeWeights(
        ints(own.map((tile) => labels[tile] ?? -1)),
        ints(drawn.map((tile) => labels[tile] ?? -1)),
      )
      const rows = { own: tf.gather(memory, ints(own)), drawn: tf.gather(memory, ints(drawn)) }
      const scale = tf.reshape<tf.Rank.R0>(tf.slice(t.get('crd_scale') as tf.Tensor, index, 1), [])
      return crdLoss({ features: embed(t, side), ...rows, weights }, labels.length, temperature, scale)
    }
    const got = await run(
      given,
      (t) => ({ crd: tf.add<tf.Scalar>(contrast(t, 'student', 0).loss, contrast(t, 'teacher', 1).loss) }),
      (t) =>
        new Map<string, tf.Tensor>([
          [
            'crd_student',
            remembered(matrix(t, 'crd_student'), ints(own), embed(t, 'student'), memoryMomentum),
          ],
          [
            'crd_teacher',
            remembered(matrix(t, 'crd_teacher'), ints(own), embed(t, 'teacher'), memoryMomentum),
          ],
          ['crd_scale', tf.stack([contrast(t, 'student', 0).scale, contrast(t, 'teacher', 1).scale])],
        ]),
    )
    expectSame(got, given, 1e-4)
  })
})
