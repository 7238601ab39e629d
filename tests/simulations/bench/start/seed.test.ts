import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { backboneLayout, encodeSafetensors, initialWeights } from '@tessera/shared/model'
import { createRandom } from '@tessera/shared/random'
import { sha256Hex } from '@tessera/shared/security'
import { GRADES, siteScanner, tilePng } from '@tessera/simulations'
import { expect, onTestFinished, test } from 'vitest'
import { START_ARMS } from '../../../../simulations/bench/start/arms.ts'
import { runSeed, type SeedResult } from '../../../../simulations/bench/start/seed.ts'
import { completeConfig } from '../../../../simulations/runner/config.ts'
import { createProcessSet } from '../../../../simulations/runner/processes.ts'
import type { StartFile } from '../../../../simulations/runner/start.ts'
import { runTask, type Task } from '../../../../simulations/runner/tasks.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

const CLASSES = [GRADES[0], GRADES[3]] as const
const TILES = 16
const NETWORK = { name: 'efficientnet-b0', widthMultiplier: 0.1, depthMultiplier: 0.1 } as const

async function dataFolder(): Promise<string> {
  const dir = await temporaryFolder()
  for (const grade of CLASSES) {
    await mkdir(join(dir, 'north', grade), { recursive: true })
    for (let i = 0; i < TILES; i++) {
      const scanner = siteScanner(0, createRandom('start'))
      const tile = { patient: `${grade}-${i}`, index: 0, grade, scanner, sizePx: 24 }
      await writeFile(join(dir, 'north', grade, `${i}.png`), await tilePng(tile))
    }
  }
  return dir
}

/** Not by readStart(): it tells published networks, which are too large for a test. */
async function startFile(): Promise<StartFile> {
  const file = join(await temporaryFolder(), 'start.safetensors')
  const layout = backboneLayout(NETWORK, 3)
  const bytes = encodeSafetensors(layout, initialWeights(layout, 'a seed'))
  await writeFile(file, bytes)
  return { file, sha256: sha256Hex(bytes), architecture: NETWORK }
}

test('a seed trains and tests every arm on the same tiles, and a second run finds it all done', async () => {
  const start = await startFile()
  const config = completeConfig(
    {
      data: [{ dir: await dataFolder(), micronsPerPx: null }],
      partition: 'iid',
      sites: 2,
      tilePx: 24,
      rounds: 1,
      teacherEpochs: 1,
      batch: 4,
      queue: 32,
      featureDim: 8,
      start,
    },
    false,
  )
  const out = await temporaryFolder()
  const processes = createProcessSet()
  onTestFinished(() => processes.stopAll())
  const run = async (tasks: Task[], kept: boolean[]): Promise<SeedResult> =>
    runSeed({
      config,
      out,
      processes,
      work: async (task, onProgress) => {
        tasks.push(task)
        return (await runTask(task, onProgress)) as never
      },
      clock: systemClock,
      onStart: () => undefined,
      onProgress: () => undefined,
      onFinish: (_, __, before) => void kept.push(before),
    })
  const tasks: Task[] = []
  const first = await run(tasks, [])

  const trainings = tasks.filter((task) => task.kind === 'train')
  expect(trainings).toHaveLength(START_ARMS.length)
  for (const [i, { from, teacherFrom, isTeacher }] of START_ARMS.entries()) {
    const { start: given, teacher, dir } = trainings[i] as (typeof trainings)[number]
    expect(given).toBe(from === 'file' ? start.file : null)
    expect(teacher).toBe(
      teacherFrom === null ? null : join(out, 'models', `teacher-${teacherFrom}.safetensors`),
    )
    expect(dir).toBe(join(out, isTeacher ? 'teacher' : 'pooled'))
  }
  const { teacher, student, test: tested } = first.tiles
  expect(teacher + student + tested).toBe(CLASSES.length * TILES)
  for (const { name } of START_ARMS) {
    expect(first.matrices[name]?.flat().reduce((sum, n) => sum + n, 0)).toBe(tested)
    expect(first.losses[name]).toHaveLength(1)
  }
  // Other weights, other losses: the file reaches the network.
  expect(first.losses['student-file-ce']).not.toEqual(first.losses['student-chance-ce'])
  expect(first.losses['student-chance-moma-file']).not.toEqual(first.losses['student-chance-moma-chance'])

  const again: Task[] = []
  const kept: boolean[] = []
  expect(await run(again, kept)).toEqual(first)
  expect([again.length, kept.every(Boolean)]).toEqual([0, true])
}, 120_000)
