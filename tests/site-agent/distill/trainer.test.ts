import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'
import { initialStudent, isClassifierTensor, studentLayout } from '@tessera/shared/model'
import type { Study } from '@tessera/shared/protocol'
import { createTrainer, type LocalState, type RoundResult } from '@tessera/site-agent/distill'
import { beforeAll, describe, expect, test } from 'vitest'
import { makeStudy, makeTiles, TINY } from './support.ts'
import { distance, METHODS, rounds, teacherOf, tiles, trainerOf } from './trainers.ts'

beforeAll(async () => {
  await startEngine({ engine: 'wasm' })
})

describe.each(Object.entries(METHODS))('createTrainer() for %s', (_, study) => {
  const student = initialStudent(study, teacherOf(study))

  test('gives the same bits for the same seed, others for another site', async () => {
    const results: RoundResult[] = []
    for (const site of ['north', 'north', 'south']) {
      const trainer = createTrainer({ study, teacher: teacherOf(study), tiles, site })
      results.push(await trainer.trainRound({ round: 1, student }))
      trainer.dispose()
    }
    expect(results[1]).toEqual(results[0])
    expect(results[2]?.student).not.toEqual(results[0]?.student)
  })

  test('goes on from a stored state as if it had never stopped', async () => {
    const straight = trainerOf(study)
    const want = await rounds(straight, student, [1, 2])
    const first = trainerOf(study)
    const { student: after } = await rounds(first, student, [1])
    const state = structuredClone(await first.state())
    first.dispose()
    const second = trainerOf(study, { state })
    expect(await second.trainRound({ round: 2, student: after })).toEqual(want)
    expect(await second.state()).toEqual(await straight.state())
    straight.dispose()
    second.dispose()
  })

  test('gives a finite student of the study’s layout, moved in every trainable tensor and statistic', async () => {
    const trainer = trainerOf(study)
    const { student: trained } = await trainer.trainRound({ round: 1, student })
    trainer.dispose()
    expect([...trained.keys()]).toEqual(studentLayout(study).tensors.map(({ name }) => name))
    for (const [name, values] of trained) {
      expect(values.every(Number.isFinite)).toBe(true)
      // SimKD answers with the teacher's own classifier.
      const fixed = study.method.name === 'simkd' && isClassifierTensor(name)
      if (fixed) expect(values, name).toEqual(student.get(name))
      else expect(values, name).not.toEqual(student.get(name))
    }
  })

  test('holds as many tensors after each round, and none at the end', async () => {
    const before = tf.memory().numTensors
    const trainer = trainerOf(study)
    const { student: after } = await rounds(trainer, student, [1])
    const held = tf.memory().numTensors
    await rounds(trainer, after, [2, 3])
    expect(tf.memory().numTensors).toBe(held)
    trainer.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe('trainRound()', () => {
  const study = METHODS.moma
  const student = initialStudent(study, teacherOf(study))

  test('trains on all tiles but a last one alone, and says so in its counts', async () => {
    const trainer = trainerOf(study)
    const steps: string[] = []
    const { samples, metrics } = await trainer.trainRound({
      round: 1,
      student,
      onProgress: ({ step, steps: all }) => steps.push(`${step}/${all}`),
    })
    trainer.dispose()
    // 9 tiles in batches of 4: 4, 4 and 1.
    expect(steps).toEqual(['1/2', '2/2'])
    expect(samples).toBe(8)
    expect(metrics).toMatchObject({ seen: 8, skippedTiles: 2 })
    expect(metrics.correct).toBeLessThanOrEqual(8)
    const { kl, nce, ce, loss } = metrics
    expect(loss).toBeCloseTo(ce + (kl ?? Number.NaN) + (nce ?? Number.NaN), 4)
  })

  test('counts a tile once in samples, once an epoch in seen', async () => {
    const twice = makeStudy({ training: { rounds: 1, epochsPerRound: 2, batchSize: 4, learningRate: 0.01 } })
    const trainer = trainerOf(twice)
    const { samples, metrics } = await trainer.trainRound({ round: 1, student })
    trainer.dispose()
    expect([samples, metrics.seen]).toEqual([8, 16])
  })

  test('moves the queue by the tiles it saw, and the teacher and its head towards the student', async () => {
    const trainer = trainerOf(study)
    const before = await trainer.state()
    await trainer.trainRound({ round: 1, student })
    const after = await trainer.state()
    trainer.dispose()
    expect([before.counters.queueIndex, after.counters.queueIndex]).toEqual([0, 8])
    const rows = (state: LocalState): Float32Array => state.tensors.get('queue') ?? new Float32Array()
    expect(rows(after).subarray(8 * 8)).toEqual(rows(before).subarray(8 * 8))
    expect(rows(after).subarray(0, 8)).not.toEqual(rows(before).subarray(0, 8))
    for (const name of [
      'teacher.features.0.0.weight',
      'teacher.classifier.1.bias',
      'teacher_head.fc1.weight',
    ]) {
      expect(after.tensors.get(name), name).not.toEqual(before.tensors.get(name))
    }
  })

  test('leaves the parameters of a frozen teacher as they are, and of one of another task the classifier', async () => {
    const frozen = METHODS['moma with a frozen teacher of another width']
    const other = METHODS['moma of another task']
    for (const [chosen, fixed, moved] of [
      [frozen, 'teacher.features.0.0.weight', 'teacher.features.0.1.running_mean'],
      [other, 'teacher.classifier.1.weight', 'teacher.features.0.0.weight'],
    ] as const) {
      const trainer = trainerOf(chosen)
      const before = await trainer.state()
      await trainer.trainRound({ round: 1, student: initialStudent(chosen, teacherOf(chosen)) })
      const after = await trainer.state()
      trainer.dispose()
      expect(after.tensors.get(fixed)).toEqual(before.tensors.get(fixed))
      expect(after.tensors.get(moved)).not.toEqual(before.tensors.get(moved))
    }
  })

  test('leaves out the KL term for another task and for weight 0', async () => {
    const noKl = makeStudy({
      method: { name: 'moma', featureDim: 8, heads: 2, queueSize: 10, weights: { kl: 0 } },
    })
    for (const chosen of [noKl, METHODS['moma of another task']]) {
      const trainer = trainerOf(chosen)
      const { metrics } = await trainer.trainRound({
        round: 1,
        student: initialStudent(chosen, teacherOf(chosen)),
      })
      trainer.dispose()
      expect(metrics.kl).toBeNull()
      expect(metrics.nce).not.toBeNull()
    }
  })

  test('a proximal term holds the student near where the round began, each round anew', async () => {
    const distances = []
    for (const mu of [null, 10]) {
      const strategy = mu === null ? { name: 'fedavg' as const } : { name: 'fedprox' as const, mu }
      const chosen = makeStudy({ method: { name: 'ce' }, teacher: undefined, federation: { strategy } })
      const trainer = trainerOf(chosen)
      const begun = initialStudent(chosen, null)
      const first = await trainer.trainRound({ round: 1, student: begun })
      const second = await trainer.trainRound({ round: 2, student: first.student })
      trainer.dispose()
      distances.push([distance(begun, first.student), distance(first.student, second.student)])
    }
    const [[free = 0, freeLater = 0] = [], [held = 0, heldLater = 0] = []] = distances
    expect(held).toBeLessThan(free)
    expect(heldLater).toBeLessThan(freeLater)
  })

  test('a model-contrastive term is there from the second round on, and is not in the loss that is told', async () => {
    const of = (mu: number | null): Study => {
      const strategy = mu === null ? { name: 'fedavg' as const } : { name: 'moon' as const, mu }
      return makeStudy({ method: { name: 'ce' }, teacher: undefined, federation: { strategy } })
    }
    const begun = initialStudent(of(null), null)
    const [plain, moved] = await Promise.all(
      [null, 10].map(async (mu) => {
        const trainer = trainerOf(of(mu))
        const first = await trainer.trainRound({ round: 1, student: begun })
        // The federation's is another than the site's own: with equal ones the term has no slope.
        const second = await trainer.trainRound({ round: 2, student: begun })
        trainer.dispose()
        return { first, second }
      }),
    )
    expect(moved?.first).toEqual(plain?.first)
    expect(moved?.second.student).not.toEqual(plain?.second.student)
    expect(moved?.second.metrics.loss).toBeCloseTo(moved?.second.metrics.ce ?? Number.NaN, 5)
  })

  test('CRD moves the rows of the tiles it saw, towards unit length, and keeps its scale', async () => {
    const crd = METHODS['crd that draws']
    const trainer = trainerOf(crd)
    const before = await trainer.state()
    await trainer.trainRound({ round: 1, student: initialStudent(crd, teacherOf(crd)) })
    const after = await trainer.state()
    trainer.dispose()
    const rowsOf = (state: LocalState): Float32Array[] => {
      const memory = state.tensors.get('crd_student') ?? new Float32Array()
      return Array.from({ length: 9 }, (_, tile) => memory.subarray(8 * tile, 8 * tile + 8))
    }
    const [was, is] = [rowsOf(before), rowsOf(after)]
    const moved = is.filter((row, tile) => row.some((value, c) => value !== was[tile]?.[c]))
    // 9 tiles in batches of 4: the last one alone is left out.
    expect(moved).toHaveLength(8)
    for (const row of moved) expect(Math.hypot(...row)).toBeCloseTo(1, 5)
    expect(after.tensors.get('crd_scale')?.every((scale) => scale > 0)).toBe(true)
    expect(after.counters).toEqual({ crdBatches: 2 })
  })

  test('SP, RKD and CRD leave the teacher out of what the site keeps, and out of another task the KL term', async () => {
    for (const name of ['sp', 'rkd', 'crd'] as const) {
      const weights = { kl: 1 }
      const teacher = { ...TINY, sha256: '0'.repeat(64), classes: 3 }
      for (const task of ['same', 'different'] as const) {
        const chosen = makeStudy({ method: { name, weights }, teacher: { ...teacher, task } })
        const trainer = trainerOf(chosen)
        const { metrics } = await trainer.trainRound({
          round: 1,
          student: initialStudent(chosen, teacherOf(chosen)),
        })
        expect(metrics.kl === null).toBe(task === 'different')
        expect(metrics.nce === null).toBe(name !== 'crd')
        const { tensors } = await trainer.state()
        trainer.dispose()
        expect([...tensors.keys()].filter((key) => key.startsWith('teacher.'))).toEqual([])
      }
    }
  })

  test("batch norms of a site's own outlive the federation's student", async () => {
    const own = METHODS['kd with batch norms of its own']
    const begun = initialStudent(own, teacherOf(own))
    const norms = studentLayout(own)
      .tensors.filter(({ kind }) => kind === 'local-only')
      .map(({ name }) => name)
    expect(norms).toContain('features.0.1.weight')
    expect(norms).toContain('features.0.1.running_var')
    const trainer = trainerOf(own)
    const { student: after } = await trainer.trainRound({ round: 1, student: begun })
    // The federation's has the initial ones, as no site sends any.
    const federation = new Map(
      [...after].map(([name, values]) => [name, norms.includes(name) ? (begun.get(name) ?? values) : values]),
    )
    const straight = await trainer.trainRound({ round: 2, student: federation })
    trainer.dispose()

    const first = trainerOf(own)
    await first.trainRound({ round: 1, student: begun })
    const state = structuredClone(await first.state())
    first.dispose()
    const second = trainerOf(own, { state })
    expect(await second.trainRound({ round: 2, student: after })).toEqual(straight)
    second.dispose()
  })

  // Shares of the first round's loss that 5 rounds of three steps leave, seen: 0.02, 0.94, 0.73, 0.08, 0.32. So small a student finds few of the places
  // that a teacher looks at which nobody has taught.
  test.each([
    ['fitnet', 0.01, 0.2],
    ['attention-transfer', 0.05, 0.97],
    ['vid', 0.01, 0.85],
    ['semckd', 0.01, 0.3],
    ['simkd', 0.2, 0.5],
  ] as const)('learns the maps of the teacher: the loss of %s falls', async (name, learningRate, share) => {
    const chosen = makeStudy({
      method: { name },
      tile: { sizePx: 64 },
      student: { ...TINY, dropout: 0, stochasticDepth: 0 },
      training: { rounds: 5, batchSize: 9, learningRate, schedule: 'constant' },
    })
    const trainer = trainerOf(chosen, { tiles: makeTiles(27, 64) })
    let current = initialStudent(chosen, teacherOf(chosen))
    const losses: number[] = []
    for (let round = 1; round <= 5; round++) {
      const result = await trainer.trainRound({ round, student: current })
      losses.push(result.metrics.loss)
      current = result.student
    }
    trainer.dispose()
    expect(losses.at(-1)).toBeLessThan(share * (losses[0] ?? 0))
  })

  test('what training alone needs stays at the site, and begins alike at all of them', async () => {
    const chosen = METHODS.fitnet
    const begun = initialStudent(chosen, teacherOf(chosen))
    const states = []
    for (const site of ['north', 'south']) {
      const trainer = createTrainer({ study: chosen, teacher: teacherOf(chosen), tiles, site })
      const { student: after } = await trainer.trainRound({ round: 1, student: begun })
      expect([...after.keys()].filter((name) => name.startsWith('hint.'))).toEqual([])
      const { tensors } = await trainer.state()
      trainer.dispose()
      expect([...tensors.keys()].filter((name) => name.includes('hint.'))).toEqual([
        'velocity.hint.0.weight',
        'velocity.hint.1.weight',
        'velocity.hint.1.bias',
        'own.hint.0.weight',
        'own.hint.1.weight',
        'own.hint.1.bias',
      ])
      states.push(tensors.get('own.hint.0.weight'))
    }
    expect(states[0]).not.toEqual(states[1])
    const still = { rounds: 1, batchSize: 4, learningRate: 1e-30 }
    const untouched = await Promise.all(
      ['north', 'south'].map(async (site) => {
        const study = makeStudy({ method: { name: 'fitnet' }, training: still })
        const trainer = createTrainer({ study, teacher: teacherOf(study), tiles, site })
        await trainer.trainRound({ round: 1, student: begun })
        const { tensors } = await trainer.state()
        trainer.dispose()
        return tensors.get('own.hint.0.weight')
      }),
    )
    expect(untouched[0]).toEqual(untouched[1])
  })

  test('learns: cross-entropy falls to a tenth', async () => {
    const easy = makeStudy({
      method: { name: 'ce' },
      tile: { sizePx: 64 },
      student: { ...TINY, dropout: 0, stochasticDepth: 0 },
      // All 27 tiles a batch: with 9 the norms of so small a network make the loss jump.
      training: { rounds: 5, epochsPerRound: 2, batchSize: 27, learningRate: 0.05, schedule: 'constant' },
    })
    const trainer = createTrainer({ study: easy, teacher: null, tiles: makeTiles(27, 64), site: 'north' })
    let current = initialStudent(easy, null)
    const losses: number[] = []
    for (let round = 1; round <= 5; round++) {
      const result = await trainer.trainRound({ round, student: current })
      losses.push(result.metrics.ce)
      current = result.student
    }
    trainer.dispose()
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 10)
  })

  test('stops between steps when told to, and is then as before the round', async () => {
    const trainer = trainerOf(study)
    const before = await trainer.state()
    const held = tf.memory().numTensors
    const stop = new AbortController()
    const training = trainer.trainRound({
      round: 1,
      student,
      signal: stop.signal,
      onProgress: () => stop.abort(),
    })
    await expect(training).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
    expect(await trainer.state()).toEqual(before)
    expect(tf.memory().numTensors).toBe(held)
    trainer.dispose()
  })

  test('lets other work run between steps', async () => {
    const trainer = trainerOf(study)
    const order: string[] = []
    const training = trainer.trainRound({
      round: 1,
      student,
      onProgress: ({ step }) => order.push(`step ${step}`),
    })
    const other = (async () => {
      await new Promise((resolve) => setImmediate(resolve))
      order.push('other')
    })()
    await Promise.all([training, other])
    trainer.dispose()
    expect(order.indexOf('other')).toBeLessThan(order.indexOf('step 2'))
  })

  test('gives ERR_TRAINING_DIVERGED when the loss is not finite, and is then as before the round', async () => {
    const trainer = trainerOf(study)
    const before = await trainer.state()
    const held = tf.memory().numTensors
    const broken = new Map(student).set('classifier.1.bias', Float32Array.of(Number.NaN, 0, 0))
    await expect(trainer.trainRound({ round: 1, student: broken })).rejects.toMatchObject({
      code: 'ERR_TRAINING_DIVERGED',
      message: 'loss must stay finite, got NaN; a lower learning rate may help',
    })
    expect(await trainer.state()).toEqual(before)
    expect(tf.memory().numTensors).toBe(held)
    trainer.dispose()
  })

  test('refuses fewer than two tiles', async () => {
    const trainer = trainerOf(study, { tiles: makeTiles(1) })
    await expect(trainer.trainRound({ round: 1, student })).rejects.toMatchObject({
      code: 'ERR_DATA_FOLDER',
      message: 'data must have at least 2 tiles to train on, got 1',
    })
    trainer.dispose()
  })

  test('refuses a student of another layout', async () => {
    const trainer = trainerOf(study)
    const other = initialStudent(METHODS.ce, null)
    await expect(trainer.trainRound({ round: 1, student: other })).rejects.toMatchObject({
      code: 'ERR_LAYOUT_MISMATCH',
    })
    trainer.dispose()
  })
})

describe('createTrainer()', () => {
  test('refuses a method without the teacher it needs', () => {
    const noTeacher = makeStudy({ teacher: undefined })
    expect(() => createTrainer({ study: noTeacher, teacher: null, tiles, site: 'north' })).toThrow(
      'study must have a teacher for method moma, got none',
    )
    const kdOfAnother = makeStudy({
      method: { name: 'kd' },
      teacher: { ...TINY, sha256: '0'.repeat(64), task: 'different', classes: 5 },
    })
    expect(() => trainerOf(kdOfAnother)).toThrow(
      'teacher must be of the same task for method kd, got different',
    )
    const fewer = makeStudy({ teacher: { ...TINY, sha256: '0'.repeat(64), task: 'same', classes: 2 } })
    expect(() => trainerOf(fewer)).toThrow('teacher of the same task must have 3 classes, got 2')
  })

  test('refuses the state of another site, and one that does not fit', async () => {
    const trainer = trainerOf(METHODS.moma)
    const state = await trainer.state()
    trainer.dispose()
    expect(() => trainerOf(METHODS.moma, { state: { ...state, site: 'south' } })).toThrow(
      'local state must be version 1 of site north in study study, got version 1 of site south in study study',
    )
    const shorter = new Map(state.tensors).set('queue', new Float32Array(8))
    expect(() => trainerOf(METHODS.moma, { state: { ...state, tensors: shorter } })).toThrow(
      'queue must have shape [10, 8], got [8]',
    )
    const missing = new Map([...state.tensors].filter(([name]) => name !== 'teacher_head.fc2.bias'))
    expect(() => trainerOf(METHODS.moma, { state: { ...state, tensors: missing } })).toThrow(
      'local state must have teacher_head.fc2.bias',
    )
  })
})
