/** @file The work of a worker process: write tiles, train one arm in one place, test a model. Runs in the worker; see worker.ts. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { startEngine } from '@tessera/shared/engine'
import { asTesseraError } from '@tessera/shared/errors'
import { writeDurably } from '@tessera/shared/files'
import {
  decodeCheckpoint,
  decodeModel,
  decodeTeacher,
  encodeSafetensors,
  initialStudent,
  studentArchitecture,
  studentLayout,
} from '@tessera/shared/model'
import type { Study } from '@tessera/shared/protocol'
import { openTiles, tileOptions } from '@tessera/site-agent/data'
import { createTrainer, evaluate } from '@tessera/site-agent/distill'
import { createStepperPool } from '../in-process/stepper-pool.ts'
import { cutTile, type Scale } from './cut.ts'
import { type FederateResult, type FederateTask, runFederation } from './federate-task.ts'
import { paintTile } from './paint-tile.ts'
import type { DrawnTile, FileTile } from './source-tiles.ts'

/** One tile to write. */
export interface TileOrder {
  readonly label: string
  readonly picture: FileTile | DrawnTile
  /** Of a drawn tile: see {@link paintTile}. */
  readonly site: number | null
  /** Below the task's root. */
  readonly to: string
}

export interface WriteTask {
  readonly kind: 'write'
  readonly root: string
  readonly seed: string
  readonly tilePx: number
  readonly scale: Scale
  readonly tiles: readonly TileOrder[]
}

/** Trains a study's method on one folder, all rounds, without a federation. */
export interface TrainTask {
  readonly kind: 'train'
  readonly study: Study
  /** Name that the order of tiles hangs on. */
  readonly site: string
  readonly dir: string
  /** The study's teacher as safetensors. */
  readonly teacher: string | null
  /** What the student starts from as safetensors, where the study says so. */
  readonly start: string | null
  /** Where the student goes. */
  readonly model: string
  /** Where the students of these rounds go too, as `ROUND.safetensors`. */
  readonly rounds?: { readonly dir: string; readonly kept: readonly number[] }
}

/** Tests a student of a study on folders. */
export interface TestTask {
  readonly kind: 'test'
  readonly study: Study
  readonly model: string
  readonly dirs: readonly string[]
}

export type Task = WriteTask | TrainTask | TestTask | FederateTask

/** How far a task is. */
export interface TaskProgress {
  readonly done: number
  readonly total: number
  readonly round?: number
  readonly loss?: number
}

export interface WriteResult {
  /** Orders that could not be filled, by number, and why. */
  readonly skipped: readonly { readonly order: number; readonly code: string }[]
}
export interface TrainResult {
  readonly engine: string
  readonly tiles: number
  /** Mean loss of each round. */
  readonly losses: readonly number[]
}
/** One answer a tile, in the order of the files. */
export interface TestResult {
  readonly answers: readonly { readonly truth: readonly number[]; readonly predicted: readonly number[] }[]
}
export interface TaskResults {
  readonly write: WriteResult
  readonly train: TrainResult
  readonly test: TestResult
  readonly federate: FederateResult
}

export type Report = (progress: TaskProgress) => void

/** Tiles encoded at the same time: PNG and JPEG run on libuv's threads while the next tile is painted. */
const PARALLEL_WRITES = 4

export async function runTask(task: Task, report: Report): Promise<TaskResults[Task['kind']]> {
  if (task.kind === 'write') return writeTiles(task, report)
  if (task.kind === 'federate') return runFederation(task, report)
  return task.kind === 'train' ? train(task, report) : test(task, report)
}

async function writeTiles(
  { root, seed, tilePx, scale, tiles }: WriteTask,
  report: Report,
): Promise<WriteResult> {
  const skipped: { order: number; code: string }[] = []
  for (const dir of new Set(tiles.map(({ to }) => dirname(to))))
    await mkdir(join(root, dir), { recursive: true })
  const render = async ({ picture, label, site }: TileOrder): Promise<Uint8Array> =>
    picture.kind === 'file'
      ? cutTile(picture, scale, tilePx)
      : paintTile({ picture, label, site }, seed, tilePx)
  for (let start = 0; start < tiles.length; start += PARALLEL_WRITES) {
    const orders = tiles.slice(start, start + PARALLEL_WRITES)
    await Promise.all(
      orders.map(async (order, i) => {
        try {
          await writeFile(join(root, order.to), await render(order))
        } catch (thrown) {
          const { code } = asTesseraError(thrown)
          if (!code.startsWith('ERR_DATA_TILE_')) throw thrown
          skipped.push({ order: start + i, code })
        }
      }),
    )
    report({ done: start + orders.length, total: tiles.length })
  }
  return { skipped }
}

async function train(task: TrainTask, report: Report): Promise<TrainResult> {
  const { study, site, dir, teacher, start, model } = task
  const { description } = await startEngine()
  const tiles = await openTiles({
    ...tileOptions(study),
    dir,
    allowMissingClasses: true,
  })
  const teacherWeights = teacher === null ? null : decodeTeacher(await readFile(teacher), study).weights
  const trainer = createTrainer({ study, teacher: teacherWeights, tiles, site })
  const options = { classifier: 'optional' } as const
  const startWeights =
    start === null
      ? null
      : decodeCheckpoint(await readFile(start), study.student, study.classes.length, options).weights
  let student = initialStudent(study, teacherWeights, startWeights)
  const losses: number[] = []
  const { rounds } = study.training
  try {
    for (let round = 1; round <= rounds; round++) {
      const result = await trainer.trainRound({
        round,
        student,
        onProgress: ({ step, steps, loss }) =>
          report({ done: (round - 1) * steps + step, total: rounds * steps, round, loss }),
      })
      student = result.student
      losses.push(result.metrics.loss)
      if (task.rounds?.kept.includes(round)) {
        await mkdir(task.rounds.dir, { recursive: true })
        const file = join(task.rounds.dir, `${round}.safetensors`)
        await writeFile(file, encodeSafetensors(studentLayout(study), student))
      }
    }
  } finally {
    trainer.dispose()
  }
  await writeDurably(model, encodeSafetensors(studentLayout(study), student), 0o644)
  return { engine: description, tiles: tiles.count, losses }
}

async function test({ study, model, dirs }: TestTask, report: Report): Promise<TestResult> {
  await startEngine()
  const weights = decodeModel(await readFile(model), studentLayout(study))
  const answers: { truth: number[]; predicted: number[] }[] = []
  const pool = createStepperPool()
  for (const dir of dirs) {
    const tiles = await openTiles({
      ...tileOptions(study),
      dir,
      allowMissingClasses: true,
      purpose: 'evaluation',
    })
    const { truth, predicted } = await evaluate({
      architecture: studentArchitecture(study),
      classes: study.classes.length,
      weights,
      tiles,
      batchSize: 64,
      createStepper: (state, step) => pool.obtain(state, step),
    })
    answers.push({ truth: [...truth], predicted: [...predicted] })
    report({ done: answers.length, total: dirs.length })
  }
  pool.dispose()
  return { answers }
}
