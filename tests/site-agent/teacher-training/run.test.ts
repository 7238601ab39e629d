import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startEngine } from '@tessera/shared/engine'
import {
  backboneLayout,
  decodeCheckpoint,
  decodeModel,
  encodeSafetensors,
  initialWeights,
} from '@tessera/shared/model'
import { sha256Hex } from '@tessera/shared/security'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  lastFileOf,
  runTeacherTraining,
  type TeacherRun,
  type TrainedTeacher,
} from '../../../site-agent/teacher-training/run.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { noiseFolder, stainedPixels, writePng } from '../../support/tile-files.ts'
import { TINY } from '../distill/support.ts'

const architecture = { name: 'efficientnet-b0', ...TINY } as const
const layout = backboneLayout(architecture, 2)
const SIZE = 32

/** No two tiles of noise are of one patient. */
const FOUR_TO_ONE = { shares: { train: 0.8, val: 0.2, test: 0 }, by: 'tile', seed: 'seed' } as const

async function aRun(changes: Partial<TeacherRun> = {}): Promise<TeacherRun> {
  return {
    settings: {
      architecture,
      classes: ['benign', 'tumour'],
      sizePx: SIZE,
      epochs: 2,
      seed: 'seed',
      training: { batchSize: 4, learningRate: 0.01 },
    },
    dataDir: await noiseFolder({ benign: 5, tumour: 5 }, SIZE),
    dataRules: { split: FOUR_TO_ONE },
    valDir: null,
    initFile: null,
    outFile: join(await temporaryFolder(), 'teacher.safetensors'),
    patience: null,
    clock: fakeClock(),
    signal: new AbortController().signal,
    onData: () => undefined,
    onResumed: () => undefined,
    onStep: () => undefined,
    onEpoch: () => undefined,
    ...changes,
  }
}

/** Two classes of tissue in two stains: noise has no two stains. */
async function stainedFolder(): Promise<string> {
  const dir = await temporaryFolder()
  for (const name of ['benign', 'tumour']) {
    for (let i = 0; i < 5; i++)
      await writePng(join(dir, name, `${i}.png`), stainedPixels(`${name} ${i}`, SIZE), SIZE)
  }
  return dir
}

/** Stops a run in its second epoch. */
async function stopped(given: TeacherRun): Promise<void> {
  const stop = new AbortController()
  const onStep: TeacherRun['onStep'] = ({ epoch }) => epoch === 2 && stop.abort()
  await expect(runTeacherTraining({ ...given, signal: stop.signal, onStep })).rejects.toMatchObject({
    code: 'ERR_INTERRUPTED',
  })
}

const filesOf = async ({ outFile }: TeacherRun): Promise<Buffer[]> =>
  Promise.all([outFile, lastFileOf(outFile)].map((file) => readFile(file)))

beforeAll(async () => {
  await startEngine({ engine: 'wasm' })
})

describe('runTeacherTraining()', () => {
  test('writes the best and the last as safetensors that a study takes, and nothing else', async () => {
    const counts: number[][] = []
    const given = await aRun({ onData: (_, ...parts) => void counts.push(parts) })
    const { sha256, last }: TrainedTeacher = await runTeacherTraining(given)
    const [best, latest] = await filesOf(given)
    expect(counts).toEqual([[8, 2]])
    expect(sha256Hex(best ?? '')).toBe(sha256)
    expect(last.epoch).toBe(2)
    for (const bytes of [best, latest])
      expect(decodeCheckpoint(bytes ?? new Uint8Array(), architecture, 2).weights.size).toBe(
        layout.tensors.length,
      )
    await expect(stat(`${given.outFile}.progress`)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('has the same bits straight and stopped by Ctrl-C in between, where both files are there already', async () => {
    const straight = await aRun()
    const want = await runTeacherTraining(straight)
    const cut = await aRun({ dataDir: straight.dataDir })
    await stopped(cut)
    expect((await filesOf(cut)).every((bytes) => bytes.length > 0)).toBe(true)
    const resumed: number[] = []
    expect(await runTeacherTraining({ ...cut, onResumed: (epochs) => void resumed.push(epochs) })).toEqual(
      want,
    )
    expect(resumed).toEqual([1])
    expect(await filesOf(cut)).toEqual(await filesOf(straight))
  })

  test('begins with a file: its backbone whatever its classes, its classifier when there are as many', async () => {
    for (const classes of [2, 5]) {
      const start = backboneLayout(architecture, classes)
      const weights = initialWeights(start, 'start')
      const initFile = join(await temporaryFolder(), 'start.safetensors')
      await writeFile(initFile, encodeSafetensors(start, weights))
      // A learning rate of nothing: what is written is what it began with.
      const given = await aRun({ initFile })
      const training = { batchSize: 4, learningRate: 1e-30, weightDecay: 0 }
      await runTeacherTraining({ ...given, settings: { ...given.settings, training } })
      const [best] = await filesOf(given)
      const written = decodeModel(best ?? new Uint8Array(), layout)
      expect(written.get('features.0.0.weight')).toEqual(weights.get('features.0.0.weight'))
      const [own, begun] = [written, weights].map((of) => of.get('classifier.1.weight'))
      if (classes === 2) expect(own).toEqual(begun)
      else expect(own).not.toEqual(begun?.subarray(0, own?.length))
    }
  })

  test('chooses by other tiles when they are given, and trains on all of its own', async () => {
    const counts: number[][] = []
    // Under another name it is other noise: the same tiles may not be in both.
    const valDir = await noiseFolder({ other: 3 }, SIZE)
    const dataRules = { labelMap: new Map([['other', 'benign']]) }
    await runTeacherTraining(
      await aRun({ valDir, dataRules, onData: (_, ...parts) => void counts.push(parts) }),
    )
    expect(counts).toEqual([[10, 3]])
  })

  test('divided otherwise, a run that was begun does not go on', async () => {
    const given = await aRun()
    await stopped(given)
    const dataRules = { split: { ...FOUR_TO_ONE, seed: 'another' } }
    await expect(runTeacherTraining({ ...given, dataRules })).rejects.toMatchObject({ code: 'ERR_USAGE' })
  })

  test('takes the stain as a study says it: normalised and varied along the site’s own colours it is another teacher', async () => {
    const dataDir = await stainedFolder()
    const hashOf = async (settings: Partial<TeacherRun['settings']>): Promise<string> => {
      const given = await aRun({ dataDir })
      return (await runTeacherTraining({ ...given, settings: { ...given.settings, ...settings } })).sha256
    }
    const training = { batchSize: 4, learningRate: 0.01, augment: 'flips' } as const
    const hashes = await Promise.all([
      hashOf({ training }),
      hashOf({ training, stain: 'macenko' }),
      hashOf({ training: { ...training, augment: 'flips-and-site-stain' } }),
    ])
    expect(new Set(hashes).size).toBe(3)
  })

  test('does not write over a file, and does not go on with other settings or other tiles', async () => {
    const given = await aRun()
    await stopped(given)
    const other = { ...given, settings: { ...given.settings, epochs: 3 } }
    const more = { ...given, dataDir: await noiseFolder({ benign: 6, tumour: 5 }, SIZE) }
    for (const run of [other, more]) {
      await expect(runTeacherTraining(run)).rejects.toMatchObject({
        code: 'ERR_USAGE',
        message: expect.stringContaining('must go on with the same settings, tiles and start, got others'),
      })
    }
    // How long it is patient with decides no bit.
    await runTeacherTraining({ ...given, patience: 5 })
    await expect(runTeacherTraining(given)).rejects.toMatchObject({
      code: 'ERR_USAGE',
      message: 'output must be a new file, got one that is there: name another or remove it',
    })
  })

  test('a progress file that is damaged is ERR_STORE_CORRUPT', async () => {
    const given = await aRun()
    await stopped(given)
    await writeFile(`${given.outFile}.progress`, 'nothing of the kind')
    await expect(runTeacherTraining(given)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
  })
})

test('lastFileOf() stands beside the best', () => {
  expect([lastFileOf('a/t.safetensors'), lastFileOf('t')]).toEqual([
    'a/t.last.safetensors',
    't.last.safetensors',
  ])
})
