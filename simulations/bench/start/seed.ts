/** @file One seed of the verb `start`: tiles dealt out, every arm trained in one place and tested on the same tiles. What is finished is kept. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@tessera/shared/clock'
import { confusionMatrix } from '@tessera/shared/metrics'
import { sha256Hex } from '@tessera/shared/security'
import type { DemoConfig } from '../../runner/config.ts'
import { type Prepared, prepare } from '../../runner/prepare.ts'
import type { ProcessSet } from '../../runner/processes.ts'
import { openStages } from '../../runner/stages.ts'
import type { TaskProgress } from '../../runner/tasks.ts'
import { START_ARMS, type StartArm, startStudy, teacherName } from './arms.ts'
import type { SeedMatrices } from './table.ts'

export interface SeedRun {
  readonly config: DemoConfig
  /** Folder of this seed. */
  readonly out: string
  /** They write the tiles. */
  readonly processes: ProcessSet
  /** Trains and tests: here, since to start a process and its engine costs as much as training so few tiles. */
  readonly work: ProcessSet['work']
  readonly clock: Clock
  readonly onStart: (arm: string) => void
  readonly onProgress: (arm: string, progress: TaskProgress) => void
  readonly onFinish: (arm: string, seconds: number, kept: boolean) => void
}

/** What a seed showed. */
export interface SeedResult {
  readonly seed: string
  readonly engine: string
  readonly classes: readonly string[]
  /** Tiles that the teachers learn from, the students learn from, and all are tested on. */
  readonly tiles: { readonly teacher: number; readonly student: number; readonly test: number }
  readonly losses: Readonly<Record<string, readonly number[]>>
  readonly matrices: SeedMatrices
}

type Trained = { readonly engine: string; readonly losses: readonly number[]; readonly matrix: number[][] }

/** @throws {TesseraError} As {@link prepare}; what a worker fails with. */
export async function runSeed(run: SeedRun): Promise<SeedResult> {
  const { config, out, clock } = run
  const { stages } = await openStages(out, config, false)
  const stage = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    run.onStart(name)
    const before = await stages.read<T>(name)
    const startedMs = clock.now()
    const result = before?.result ?? (await work())
    const seconds = before?.seconds ?? (clock.now() - startedMs) / 1000
    if (before === null) await stages.write(name, { result, seconds })
    run.onFinish(name, seconds, before !== null)
    return result
  }
  const prepared = await stage('tiles', () => prepare(out, config, run.processes, () => undefined))
  const trained = new Map<string, Trained>()
  for (const arm of START_ARMS)
    trained.set(arm.name, await stage(arm.name, () => trainAndTest(run, prepared, arm)))
  const of = <K extends keyof Trained>(key: K): Record<string, Trained[K]> =>
    Object.fromEntries([...trained].map(([name, result]) => [name, result[key]]))
  const { teacher, sites, classes } = prepared
  return {
    seed: config.seed,
    engine: trained.values().next().value?.engine ?? '',
    classes,
    tiles: {
      teacher: total(teacher.counts),
      student: total(sites.flatMap(({ train }) => train.counts)),
      test: total(sites.flatMap(({ test }) => test.counts)),
    },
    losses: of('losses'),
    matrices: of('matrix'),
  }
}

async function trainAndTest(
  { config, out, work, onProgress }: SeedRun,
  { classes, sites, teacher, pooledDir }: Prepared,
  arm: StartArm,
): Promise<Trained> {
  const modelOf = (name: string): string => join(out, 'models', `${name}.safetensors`)
  const teacherFile = arm.teacherFrom === null ? null : modelOf(teacherName(arm.teacherFrom))
  const given = teacherFile === null ? null : { sha256: sha256Hex(await readFile(teacherFile)), classes }
  const study = startStudy(config, classes, arm, given)
  const model = modelOf(arm.name)
  const task = {
    kind: 'train',
    study,
    site: arm.isTeacher ? 'teacher' : 'central',
    dir: join(out, arm.isTeacher ? teacher.dir : pooledDir),
    teacher: teacherFile,
    start: arm.from === 'file' ? (config.start?.file ?? null) : null,
    model,
  } as const
  const { engine, losses } = await work(task, (progress) => onProgress(arm.name, progress))
  const dirs = sites.map(({ test }) => join(out, test.dir))
  const { answers } = await work({ kind: 'test', study, model, dirs }, () => undefined)
  const matrix = confusionMatrix(
    answers.flatMap(({ truth }) => truth),
    answers.flatMap(({ predicted }) => predicted),
    classes.length,
  )
  return { engine, losses, matrix }
}

const total = (counts: readonly number[]): number => counts.reduce((sum, n) => sum + n, 0)
