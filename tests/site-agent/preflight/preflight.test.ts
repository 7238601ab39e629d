import { TesseraError } from '@tessera/shared/errors'
import { studentLayout } from '@tessera/shared/model'
import { type Study, study as studySchema } from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'
import { openTiles } from '../../../site-agent/data/index.ts'
import { defaultStudy, type PreflightOptions, preflight } from '../../../site-agent/preflight/preflight.ts'
import { timeSteps } from '../../../site-agent/preflight/step.ts'
import { findingLines } from '../../../site-agent/screen/finding-lines.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { TINY_STUDY } from '../../support/mini-coordinator.ts'
import { HASH } from '../../support/signed-parts.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { noiseFolder } from '../../support/tile-files.ts'

const machine = {
  freeDiskBytes: async () => 1e12,
  freeMemoryBytes: () => 8e9,
  usedMemoryBytes: () => 1e9,
  startEngine: async () => 'engine: test (nothing)',
}

/** A trainer whose first step takes 5 s and each later one 2 s, by the fake clock. */
async function setup(changes: Partial<PreflightOptions> = {}) {
  const clock = fakeClock()
  const dataDir = await noiseFolder({ normal: 9, tumor: 9 }, 16)
  const tiles = await openTiles({ dir: dataDir, classes: TINY_STUDY.classes, sizePx: 16 })
  const trained: { batches: number[]; teacher: unknown }[] = []
  const options: PreflightOptions = {
    dir: await temporaryFolder(),
    study: TINY_STUDY,
    tiles,
    machine,
    clock,
    signal: new AbortController().signal,
    createTrainer: ({ tiles: given, study, teacher }) => ({
      async trainRound({ student, onProgress }) {
        expect([...student.keys()]).toEqual(studentLayout(study).tensors.map(({ name }) => name))
        const batches: number[] = []
        trained.push({ batches, teacher })
        for await (const { size } of given.batches({ random: null, batchSize: 4, augment: 'none' })) {
          clock.advance(batches.length === 0 ? 5000 : 2000)
          batches.push(size)
          onProgress?.({ step: batches.length, steps: 2, loss: 1 })
        }
        return { student, samples: 8, metrics: METRICS }
      },
      state: () => Promise.reject(new Error('no state')),
      dispose() {},
    }),
    ...changes,
  }
  return { options, trained, clock }
}
const statuses = (findings: Awaited<ReturnType<typeof preflight>>) =>
  Object.fromEntries(findings.map(({ name, status }) => [name, status]))
const METRICS = { loss: 1, ce: 1, kl: null, nce: null, correct: 1, seen: 8, skippedTiles: 0 }

describe('preflight()', () => {
  test('times two steps on the site’s own tiles, and reckons the round from the second', async () => {
    const { options, trained } = await setup()
    const findings = await preflight(options)
    expect(statuses(findings)).toEqual({ disk: 'ok', engine: 'ok', round: 'ok', memory: 'ok' })
    // 18 tiles by 4: 5 steps.
    expect(findings[2]?.text).toBe('2.00 s a step of 4 tiles, 5 a round: about 13 s a round')
    expect(trained.map(({ batches }) => batches)).toEqual([[4, 4]])
  })

  test('trains with a teacher of the study’s shape', async () => {
    const study = defaultStudy(TINY_STUDY.classes, 16)
    const { options, trained } = await setup({ study })
    await preflight(options)
    expect(trained[0]?.teacher).toBeInstanceOf(Map)
  })

  test('looks at the rest when the tiles cannot be used, and when a step fails', async () => {
    const without = await setup({ tiles: null })
    expect(statuses(await preflight(without.options))).toMatchObject({ round: 'fail', memory: 'ok' })
    const broken = await setup({
      createTrainer: () =>
        Promise.reject(new TesseraError('ERR_TRAINING_DIVERGED', 'loss must be finite, got NaN')),
    })
    const findings = await preflight(broken.options)
    expect(findings[2]).toMatchObject({ name: 'round', status: 'fail', text: 'loss must be finite, got NaN' })
  })

  test('times nothing without an engine', async () => {
    const startEngine = () =>
      Promise.reject(new TesseraError('ERR_ENGINE_UNAVAILABLE', 'engine must start, got none'))
    const { options, trained } = await setup({ machine: { ...machine, startEngine } })
    expect(statuses(await preflight(options))).toEqual({ disk: 'ok', engine: 'fail', memory: 'ok' })
    expect(trained).toEqual([])
  })

  test('does not time a study whose ONNX teacher is not there yet, and says so', async () => {
    const { options, trained } = await setup({ study: onnxStudy() })
    const findings = await preflight(options)
    expect(findings[2]).toMatchObject({
      name: 'round',
      status: 'warn',
      advice: expect.stringContaining('--dry-run'),
    })
    expect(trained).toEqual([])
  })

  test('fails on a full disk and on no memory', async () => {
    const full = { ...machine, freeDiskBytes: async () => 1e6, freeMemoryBytes: () => 1e6 }
    const { options } = await setup({ machine: full })
    expect(statuses(await preflight(options))).toMatchObject({ disk: 'fail', memory: 'fail' })
  })

  test('ends when it is stopped', async () => {
    const stop = new AbortController()
    stop.abort()
    const { options } = await setup({
      signal: stop.signal,
      createTrainer: () => Promise.reject(new Error('stopped')),
    })
    await expect(preflight(options)).rejects.toThrow('stopped')
  })
})

describe('timeSteps()', () => {
  test('takes a lone step for the later ones when there is one batch only', async () => {
    const { options } = await setup()
    const study = { ...TINY_STUDY, training: { ...TINY_STUDY.training, batchSize: 64 } }
    const tiles = options.tiles
    if (tiles === null) throw new Error('no tiles')
    const one = {
      ...tiles,
      batches: (o: Parameters<typeof tiles.batches>[0]) => tiles.batches({ ...o, batchSize: 64 }),
    }
    const times = await timeSteps({ ...options, study, tiles: one, frozenTeacher: null })
    expect(times).toEqual({ firstSeconds: 5, stepSeconds: 5, steps: 1, roundSeconds: 5 })
  })
})

test('findingLines() puts what to do below what is wrong', () => {
  const lines = findingLines([
    { name: 'disk', status: 'ok', text: 'fine', advice: '' },
    { name: 'memory', status: 'fail', text: 'none', advice: 'Buy some.' },
  ])
  expect(lines).toEqual([
    'check   result  what was found',
    'disk    ok      fine',
    'memory  FAIL    none',
    '             -> Buy some.',
  ])
})

function onnxStudy(): Study {
  return studySchema.parse({
    ...defaultStudy(TINY_STUDY.classes, 16),
    teacher: {
      name: 'onnx',
      sha256: HASH('a'),
      task: 'different',
      featureWidth: 8,
      input: { tensor: 'x', sizePx: 32, layout: 'nchw', mean: [0, 0, 0], deviation: [1, 1, 1] },
      features: { tensor: 'f', pool: 'none' },
    },
  })
}
