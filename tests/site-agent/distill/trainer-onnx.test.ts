import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'
import { initialStudent, type Weights } from '@tessera/shared/model'
import { createNetwork, forward, toParams } from '@tessera/shared/model/network'
import type { Study } from '@tessera/shared/protocol'
import { createTrainer, type FrozenTeacher, type RoundResult } from '@tessera/site-agent/distill'
import { beforeAll, describe, expect, test } from 'vitest'
import { makeStudy, TINY } from './support.ts'
import { rounds, teacherOf, tiles } from './trainers.ts'

beforeAll(async () => {
  await startEngine({ engine: 'wasm' })
})

/** A frozen teacher that answers as a network of ours would, by running statistics. */
function frozenTwin(study: Study, weights: Weights): FrozenTeacher & { asked: number } {
  const { teacher } = study
  if (!teacher || teacher.name === 'onnx') throw new Error('the twin needs a network')
  const network = createNetwork(teacher, teacher.classes)
  const twin = {
    asked: 0,
    featureWidth: network.graph.features,
    classes: teacher.classes,
    async outputs(images: Float32Array, count: number, sizePx: number) {
      twin.asked += count
      return tf.tidy(() => {
        const x = tf.tensor4d(images, [count, sizePx, sizePx, 3])
        const { features, logits } = forward(network, toParams(network.layout, weights), x, {
          training: false,
        })
        return {
          features: features.dataSync<'float32'>().slice(),
          logits: logits.dataSync<'float32'>().slice(),
        }
      })
    },
    dispose: async () => undefined,
  }
  return twin
}

describe('createTrainer() with an ONNX teacher', () => {
  const onnx = (featureWidth: number, classes: number | null): Study['teacher'] => ({
    name: 'onnx',
    sha256: '0'.repeat(64),
    task: classes === null ? 'different' : 'same',
    momentum: 'frozen',
    featureWidth,
    input: { tensor: 'x', sizePx: 32, layout: 'nchw', mean: [0, 0, 0], deviation: [1, 1, 1] },
    features: { tensor: 'features', pool: 'none' },
    ...(classes === null ? {} : { logits: { tensor: 'logits', classes } }),
  })
  const ofTwin = (study: Study) => {
    const weights = teacherOf(study) ?? new Map()
    const twin = frozenTwin(study, weights)
    return { weights, twin, student: initialStudent(study, weights) }
  }

  test.each([
    ['of the student’s width', 0.1, 3],
    ['of another width', 0.2, 3],
    ['of another task', 0.2, null],
  ] as const)(
    'trains MoMA, %s: same bits again, and no teacher in its state',
    async (_, widthMultiplier, classes) => {
      const network = makeStudy({
        teacher: { ...TINY, widthMultiplier, sha256: '0'.repeat(64), task: 'same', classes: 3 },
      })
      const { twin, student } = ofTwin(network)
      const study = { ...network, teacher: onnx(twin.featureWidth, classes) }
      const trainers = [1, 2].map(() => createTrainer({ study, teacher: twin, tiles, site: 'north' }))
      const [once, again] = await Promise.all(trainers.map((trainer) => rounds(trainer, student, [1, 2])))
      expect(again).toEqual(once)
      expect(once?.metrics.nce).toBeGreaterThan(0)
      expect(once?.metrics.kl === null).toBe(classes === null)
      const { tensors } = (await trainers[0]?.state()) ?? { tensors: new Map() }
      expect([...tensors.keys()].filter((name) => name.startsWith('teacher.'))).toEqual([])
      expect(tensors.has('queue')).toBe(true)
      for (const trainer of trainers) trainer.dispose()
    },
  )
  test.each(['fitnet', 'simkd'] as const)('has no feature maps for %s', (name) => {
    const { twin } = ofTwin(makeStudy())
    const study = { ...makeStudy({ method: { name } }), teacher: onnx(twin.featureWidth, 3) }
    expect(() => createTrainer({ study, teacher: twin, tiles, site: 'north' })).toThrow(
      `teacher must be of known layers for method ${name}, got an ONNX file: its feature maps are not read`,
    )
  })
  test.each(['kd', 'sp', 'rkd', 'crd'] as const)(
    'trains %s to the bit as from the same network as a teacher of ours',
    async (name) => {
      const study = makeStudy({ method: { name, weights: { kl: 1 } } })
      const { twin, student, weights } = ofTwin(study)
      const results: RoundResult[] = []
      for (const [of, teacher] of [
        [study, weights],
        [{ ...study, teacher: onnx(twin.featureWidth, 3) }, twin],
      ] as const) {
        const trainer = createTrainer({ study: of, teacher, tiles, site: 'north' })
        results.push(await trainer.trainRound({ round: 1, student }))
        trainer.dispose()
      }
      expect(results[1]).toEqual(results[0])
      expect(twin.asked).toBe(9 - 1)
    },
  )
  test('refuses a teacher of the same task without logits', () => {
    const { twin } = ofTwin(makeStudy())
    const study = { ...makeStudy(), teacher: { ...onnx(8, null), task: 'same' } as Study['teacher'] }
    expect(() => createTrainer({ study, teacher: twin, tiles, site: 'north' })).toThrow(
      'teacher of the same task must have 3 classes, got no logits',
    )
  })
})
