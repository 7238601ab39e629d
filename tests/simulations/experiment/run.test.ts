import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { backboneLayout, decodeSafetensors, encodeSafetensors, initialWeights } from '@tessera/shared/model'
import { describe, expect, test } from 'vitest'
import { compareText, readResults } from '../../../simulations/experiment/compare.ts'
import { parseExperiment } from '../../../simulations/experiment/read.ts'
import { runExperiment } from '../../../simulations/experiment/run.ts'
import '../../support/allclose.ts'
import { drawTiles } from '../../support/federation.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** Each run starts processes and engines of its own. */
const PATIENCE_MS = 300_000

const TINY = {
  name: 'tiny',
  data: {
    procedural: { hospitals: 2, patients: 16, tilesPerPatient: 3 },
    classes: ['grade-1', 'grade-3'],
    tilePx: 24,
  },
  splits: [{ by: 'folder' }],
  seeds: [1],
  student: { name: 'resnet-18', widthMultiplier: 0.05, depthMultiplier: 0.1 },
  teacher: { network: { name: 'resnet-18', widthMultiplier: 0.08, depthMultiplier: 0.1 }, epochs: 1 },
  methods: { ce: { name: 'ce' }, kd: { name: 'kd' } },
  arms: [
    { kind: 'alone', methods: ['ce'] },
    { kind: 'federated', methods: ['kd'] },
    { kind: 'central', methods: ['ce'] },
    { kind: 'teacher' },
  ],
  training: { rounds: 2, batchSize: 8, learningRate: 0.02 },
}

const run = async (
  out: string,
  workers: number,
  changes: object = {},
  signal = new AbortController().signal,
) => {
  const lines: string[] = []
  const experiment = parseExperiment(JSON.stringify({ ...TINY, ...changes }))
  const read = { experiment, folders: [], teacherFolders: [] }
  const screen = { write: (text: string) => void lines.push(text), columns: null }
  const table = await runExperiment({ read, out, workers, screen, clock: systemClock, signal })
  return { table, log: lines.join('') }
}
const models = async (out: string): Promise<Map<string, Buffer>> => {
  const names = (await readdir(join(out, 'models'))).toSorted()
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(out, 'models', name))] as const)),
  )
}

describe('runExperiment()', () => {
  test(
    'gives the same bits for any number of workers, and goes on without repeating a finished cell',
    async () => {
      const [one, two] = [await temporaryFolder(), await temporaryFolder()]
      const { table } = await run(one, 1)
      expect(table).toMatch(/folder, 2 sites +accuracy +macroF1 +kappa\n {2}alone ce \(1\) +\d/)
      await run(two, 3)
      const written = await models(one)
      expect(written.size).toBe(5)
      expect(await models(two)).toEqual(written)
      expect(await readdir(one)).toEqual(
        expect.arrayContaining(['results.json', 'results.csv', 'report.html']),
      )
      expect(await readdir(one)).not.toContain('federations')

      // Of a run that was cut off, one cell is missing.
      const cells = join(one, 'cells')
      const [missing = ''] = (await readdir(cells)).toSorted()
      const before = await Promise.all(
        (await readdir(cells)).map(async (name) => [name, (await stat(join(cells, name))).mtimeMs] as const),
      )
      await rm(join(cells, missing))
      await run(one, 1)
      for (const [name, writtenMs] of before) {
        const { mtimeMs } = await stat(join(cells, name))
        if (name === missing) expect(mtimeMs).toBeGreaterThan(writtenMs)
        else expect(mtimeMs).toBe(writtenMs)
      }
      expect(await models(one)).toEqual(written)
      const [a, b] = [await readResults(one), await readResults(two)]
      // A curve ends where the table stands; the teacher, whose epochs are no rounds, has none.
      for (const { kind, scores, result } of a.cells) {
        expect(result.curve?.map(({ round }) => round)).toEqual(kind === 'teacher' ? [] : [1, 2])
        if (kind === 'teacher') continue
        const { confusion, tiles } = scores?.pooled ?? { confusion: [], tiles: 0 }
        const correct = confusion.reduce((sum, row, i) => sum + (row[i] ?? 0), 0)
        expect(result.curve?.at(-1)).toEqual({ round: 2, correct, tiles })
      }
      expect(b.cells.map(({ result }) => result.curve)).toEqual(a.cells.map(({ result }) => result.curve))
      expect(await readFile(join(one, 'report.html'), 'utf8')).toContain('<img src="data:image/png;base64,')
      // A student that was not tested on its way is the same student.
      const untested = await temporaryFolder()
      await run(untested, 1, { testEvery: 0, arms: [{ kind: 'central', methods: ['ce'] }] })
      const [student] = (await readResults(untested)).cells
      expect(student?.result.curve).toEqual([])
      expect(student?.result.model).toBe(a.cells.find(({ kind }) => kind === 'central')?.result.model)
      expect(compareText(a, b)).toMatch(/folder, 2 sites: federated kd .* the same cells/)
    },
    PATIENCE_MS,
  )

  test(
    'shows no tile of a folder in its report',
    async () => {
      const [data, out] = [await temporaryFolder(), await temporaryFolder()]
      for (const site of ['north', 'south']) await drawTiles(join(data, site), site, 3)
      const experiment = parseExperiment(
        JSON.stringify({
          ...TINY,
          data: { folders: [{ dir: data }], tilePx: 24, testShare: 0.5 },
          arms: [{ kind: 'central', methods: ['ce'] }],
          training: { ...TINY.training, rounds: 1 },
        }),
      )
      const read = { experiment, folders: [{ dir: data, micronsPerPx: null }], teacherFolders: [] }
      const screen = { write: () => undefined, columns: null }
      const { signal } = new AbortController()
      await runExperiment({ read, out, workers: 1, screen, clock: systemClock, signal })
      const page = await readFile(join(out, 'report.html'), 'utf8')
      expect(page).toContain('central ce')
      expect(page).not.toMatch(/<img|base64/)
    },
    PATIENCE_MS,
  )

  test(
    'begins with a file where it has one: another start is another cell, of the same tiles',
    async () => {
      const file = join(await temporaryFolder(), 'start.safetensors')
      const architecture = { name: 'efficientnet-lite0', widthMultiplier: 1, depthMultiplier: 1 } as const
      const layout = backboneLayout(architecture, 5)
      await writeFile(file, encodeSafetensors(layout, initialWeights(layout, 'a seed')))
      const changes = {
        student: { start: file, dropout: 0, stochasticDepth: 0 },
        arms: ['central', 'federated'].map((kind) => ({ kind, methods: ['ce'] })),
        training: { ...TINY.training, rounds: 1, learningRate: 1e-12 },
      }
      const experiment = parseExperiment(JSON.stringify({ ...TINY, ...changes }))
      const read = { experiment, folders: [], teacherFolders: [], startFiles: { student: file } }
      const out = await temporaryFolder()
      const screen = { write: () => undefined, columns: null }
      const { signal } = new AbortController()
      await runExperiment({ read, out, workers: 1, screen, clock: systemClock, signal })
      const written = await models(out)
      expect(written.size).toBe(2)
      // So low a rate hardly moves what the file gave, though a norm over tiles of a few pixels makes gradients of 1e4.
      const given = initialWeights(layout, 'a seed').get('features.0.0.weight') ?? new Float32Array(1)
      for (const model of written.values()) {
        const { tensors } = decodeSafetensors(model)
        expect(tensors.get('features.0.0.weight')?.data).toBeAllclose(given, { absolute: 1e-3 })
      }
      await writeFile(file, encodeSafetensors(layout, initialWeights(layout, 'another')))
      const central = { ...read, experiment: { ...experiment, arms: experiment.arms.slice(0, 1) } }
      await runExperiment({ read: central, out, workers: 1, screen, clock: systemClock, signal })
      expect((await models(out)).size).toBe(3)
    },
    PATIENCE_MS,
  )

  test(
    'ends with ERR_INTERRUPTED when it is stopped, and starts nothing',
    async () => {
      const out = await temporaryFolder()
      const stop = new AbortController()
      stop.abort()
      await expect(run(out, 1, {}, stop.signal)).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
    },
    PATIENCE_MS,
  )
})
