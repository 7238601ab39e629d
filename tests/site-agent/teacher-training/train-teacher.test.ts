import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'
import { initialStudent } from '@tessera/shared/model'
import type { TileBatch, TileSource } from '@tessera/site-agent/distill'
import { beforeAll, describe, expect, test } from 'vitest'
import type { EpochScore, TeacherProgress } from '../../../site-agent/teacher-training/progress-file.ts'
import { teacherStudy } from '../../../site-agent/teacher-training/study.ts'
import { bestOf, type TeacherStep, trainTeacher } from '../../../site-agent/teacher-training/train-teacher.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { makeTiles, TINY } from '../distill/support.ts'

const settings = {
  architecture: { ...TINY, dropout: 0, stochasticDepth: 0 },
  classes: ['a', 'b', 'c'],
  sizePx: 32,
  epochs: 3,
  seed: 'seed',
  training: { batchSize: 9, learningRate: 0.05 },
  fromFile: false,
}
const study = teacherStudy(settings)
const start = initialStudent(study, null)
const [training, validation] = [makeTiles(18), makeTiles(6)]

interface Heard {
  readonly kept: TeacherProgress[]
  readonly epochs: (EpochScore & { isBest: boolean })[]
  readonly steps: TeacherStep[]
}

async function run(
  changes: Partial<Parameters<typeof trainTeacher>[0]> = {},
): Promise<Heard & { ended: TeacherProgress }> {
  const heard: Heard = { kept: [], epochs: [], steps: [] }
  const clock = fakeClock()
  const ended = await trainTeacher({
    study,
    start,
    training,
    validation,
    patience: null,
    fingerprint: 'these',
    progress: null,
    keep: async (progress) => void heard.kept.push(progress),
    clock,
    signal: new AbortController().signal,
    onStep: (step) => void heard.steps.push(step),
    onEpoch: (score, isBest) => void heard.epochs.push({ ...score, isBest }),
    ...changes,
  })
  return { ...heard, ended }
}

/** Tiles whose labels are one of the study's classes only: accuracy falls to what the student says of it. */
function relabelled(source: TileSource, label: (batch: TileBatch) => Int32Array): TileSource {
  return {
    ...source,
    async *batches(options) {
      for await (const batch of source.batches(options)) yield { ...batch, labels: label(batch) }
    },
  }
}

beforeAll(async () => {
  await startEngine({ engine: 'wasm' })
})

describe('trainTeacher()', () => {
  test('trains every epoch, keeps each, and leaves no tensor behind', async () => {
    const before = tf.memory().numTensors
    const { kept, epochs, steps, ended } = await run()
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3])
    expect(kept.map(({ scores }) => scores.length)).toEqual([1, 2, 3])
    expect(steps.map(({ epoch, step }) => `${epoch}.${step}`)).toEqual([
      '1.1',
      '1.2',
      '2.1',
      '2.2',
      '3.1',
      '3.2',
    ])
    expect(ended).toEqual(kept.at(-1))
    expect(tf.memory().numTensors).toBe(before)
  })

  test('has the same bits when it is cut off after any epoch and goes on', async () => {
    const straight = await run()
    for (const cut of [0, 1]) {
      const { ended, epochs } = await run({ progress: structuredClone(straight.kept[cut]) ?? null })
      expect(ended).toEqual(straight.ended)
      expect(epochs).toEqual(straight.epochs.slice(cut + 1))
    }
  })

  test('stopped within an epoch it fails with ERR_INTERRUPTED, and the epochs before are kept', async () => {
    const stop = new AbortController()
    const kept: TeacherProgress[] = []
    const stopped = run({
      signal: stop.signal,
      keep: async (progress) => void kept.push(progress),
      onStep: ({ epoch }) => epoch === 2 && stop.abort(),
    })
    await expect(stopped).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
    expect(kept).toHaveLength(1)
    expect((await run({ progress: kept[0] ?? null })).ended).toEqual((await run()).ended)
  })

  test('keeps the weights of the best epoch beside those of the last', async () => {
    let epoch = 0
    const second: TileSource = {
      ...validation,
      async *batches(options) {
        epoch++
        for await (const batch of validation.batches(options)) {
          // Each tile under every label is right once in three, whatever the student says; under a label that nothing has, never.
          for (const label of epoch === 2 ? [0, 1, 2] : [7])
            yield { ...batch, labels: new Int32Array(batch.size).fill(label) }
        }
      },
    }
    const eight = teacherStudy({ ...settings, classes: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] })
    const few = initialStudent(eight, null)
    // The student must not say 7, nor 3 to 6: the classifier never raises those above the others.
    const begun = new Map(few).set('classifier.1.bias', Float32Array.of(9, 9, 9, -9, -9, -9, -9, -9))
    const { kept, ended, epochs } = await run({ study: eight, start: begun, validation: second })
    expect(epochs.map(({ isBest }) => isBest)).toEqual([true, true, false])
    expect(bestOf(ended.scores)).toMatchObject({ epoch: 2, accuracy: 1 / 3 })
    expect(ended.best).toEqual(kept[1]?.last)
    expect(ended.last).toEqual(kept[2]?.last)
    expect(ended.best).not.toEqual(ended.last)
  })

  test('of equally good epochs the first is the best, and patience counts from it', async () => {
    // No tile has class 7: every epoch scores 0.
    const nobody = relabelled(validation, ({ size }) => new Int32Array(size).fill(7))
    const four = teacherStudy({ ...settings, epochs: 4, classes: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] })
    const changes = { study: four, start: initialStudent(four, null), validation: nobody }
    const { ended, epochs } = await run({ ...changes, patience: 2 })
    expect(epochs.map(({ isBest, accuracy }) => [isBest, accuracy])).toEqual([
      [true, 0],
      [false, 0],
      [false, 0],
    ])
    expect(bestOf(ended.scores).epoch).toBe(1)
    // A run that was cut off after its patience was over has nothing left to do.
    const again = await run({ ...changes, patience: 2, progress: ended })
    expect(again.epochs).toEqual([])
    expect(again.ended).toEqual(ended)
  })

  test('says how long all that is left will take', async () => {
    const clock = fakeClock()
    const seconds: number[] = []
    await run({
      clock,
      onStep({ secondsLeft }) {
        seconds.push(secondsLeft)
      },
      training: relabelled(training, ({ labels }) => {
        clock.advance(10_000)
        return labels
      }),
    })
    expect(seconds).toEqual([50, 40, 30, 20, 10, 0])
  })

  test('learns: the loss falls to a fifth', async () => {
    const longer = teacherStudy({
      ...settings,
      sizePx: 64,
      epochs: 10,
      training: { batchSize: 27, learningRate: 0.05, schedule: 'constant' },
    })
    const { ended } = await run({
      study: longer,
      start: initialStudent(longer, null),
      training: makeTiles(27, 64),
      validation: makeTiles(9, 64),
    })
    expect(ended.scores.at(-1)?.loss).toBeLessThan((ended.scores[0]?.loss ?? 0) / 5)
  })
})

describe('teacherStudy()', () => {
  test('refuses settings that do not fit, by name', () => {
    expect(() => teacherStudy({ ...settings, sizePx: 8 })).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE' }),
    )
    expect(() => teacherStudy({ ...settings, epochs: 0 })).toThrow('training.rounds')
    expect(() => teacherStudy({ ...settings, classes: ['a', 'a'] })).toThrow('classes must all be different')
  })
})
