/** @file A whole run: tiles, teacher, each site alone, the federation twice, centralised; then the table. */
import { readFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join, resolve } from 'node:path'
import type { Clock } from '@tessera/shared/clock'
import { startEngine } from '@tessera/shared/engine'
import { asTesseraError } from '@tessera/shared/errors'
import type { Study } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import { createProgress, duration, type Progress, type Screen } from '@tessera/shared/stage-progress'
import { type Arm, type ArmResult, armsOf, studySummary, workOf } from './arms.ts'
import type { DemoConfig } from './config.ts'
import { type Federation, openFederation } from './federation.ts'
import { type Prepared, prepare } from './prepare.ts'
import { createProcessSet, type ProcessSet } from './processes.ts'
import { inTableOrder, resultsText } from './results.ts'
import { type Job, runJobs } from './schedule.ts'
import { type FinishedStage, openStages, type StageStore } from './stages.ts'
import { crossEntropyStudy, momaStudy, sameTask, teacherStudy } from './studies.ts'
import type { TaskProgress } from './tasks.ts'

export interface DemoOptions {
  readonly config: DemoConfig
  readonly out: string
  /** Starts over, whatever is there. */
  readonly fresh: boolean
  readonly screen: Screen
  readonly clock: Clock
  /** Stops every process of the run. */
  readonly signal: AbortSignal
}

/** Jobs that train at the same time: the demo's machine has two cores. */
const LANES = 2

/**
 * Runs all that OUT does not have yet, writes OUT/results.json and gives the table's text.
 * @throws {TesseraError} ERR_INTERRUPTED when stopped; ERR_CONFIG_INVALID, ERR_DATA_…; what a process failed with.
 */
export async function runDemo(options: DemoOptions): Promise<string> {
  const { config, screen, clock, signal } = options
  const out = resolve(options.out)
  const startedMs = clock.now()
  const { stages, resumed } = await openStages(out, config, options.fresh)
  const engine = await startEngine()
  screen.write(
    `${resumed ? 'Going on with the run in' : 'Files of this run:'} ${out}\n${engine.description}\n\n`,
  )

  const processes = createProcessSet()
  const onStop = (): void => void processes.stopAll()
  signal.addEventListener('abort', onStop)
  try {
    const run = { out, config, stages, processes, screen, clock }
    const prepared = await prepareTiles(run)
    const results = await trainArms(run, prepared.result)
    const text = await resultsText({
      ...run,
      prepared,
      results,
      resumed,
      engine: engine.description,
      machine: `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} threads`,
      wallSeconds: (clock.now() - startedMs) / 1000,
    })
    return `${text}\n\n${duration((clock.now() - startedMs) / 1000)} in all. Everything measured: ${join(out, 'results.json')}`
  } catch (thrown) {
    const failure = asTesseraError(thrown)
    const advice =
      failure.code === 'ERR_INTERRUPTED'
        ? 'Stopped. Finished stages are kept: the same command goes on from there.'
        : 'The run failed. Each process has its log there.'
    screen.write(`\n${advice}\n  ${join(out, failure.code === 'ERR_INTERRUPTED' ? '' : 'logs')}\n\n`)
    throw failure
  } finally {
    signal.removeEventListener('abort', onStop)
    await processes.stopAll()
  }
}

interface Run {
  readonly out: string
  readonly config: DemoConfig
  readonly stages: StageStore
  readonly processes: ProcessSet
  readonly screen: Screen
  readonly clock: Clock
}

/** Does a stage, or takes what it gave before. */
async function stage<T>(
  run: Run,
  progress: Progress,
  name: string,
  work: () => Promise<T>,
): Promise<FinishedStage<T>> {
  const before = await run.stages.read<T>(name)
  if (before !== null) {
    progress.finish(name, before.seconds, true)
    return before
  }
  progress.start(name)
  const startedMs = run.clock.now()
  const result = await work()
  const timed = { result, seconds: (run.clock.now() - startedMs) / 1000 }
  await run.stages.write(name, timed)
  progress.finish(name, timed.seconds, false)
  return timed
}

async function prepareTiles(run: Run): Promise<FinishedStage<Prepared>> {
  const title = run.config.data.length > 0 ? 'tiles: cut' : 'tiles: paint'
  const progress = createProgress([{ name: 'tiles', title, work: 1 }], run.screen, run.clock)
  try {
    return await stage(run, progress, 'tiles', () =>
      prepare(run.out, run.config, run.processes, (done, total) =>
        progress.report('tiles', { done: done / total, text: `${done} of ${total}` }),
      ),
    )
  } finally {
    progress.close()
  }
}

async function trainArms(run: Run, prepared: Prepared): Promise<Map<string, FinishedStage<ArmResult>>> {
  const arms = armsOf(prepared.sites.map(({ name }) => name))
  const views = arms.map((arm) => ({
    name: arm.name,
    title: arm.title,
    work: workOf(arm, prepared, run.config),
  }))
  const progress = createProgress(views, run.screen, run.clock)
  const results = new Map<string, FinishedStage<ArmResult>>()
  const training = armTraining(run, prepared, progress)
  try {
    const jobs = arms.map(
      (arm): Job => ({
        name: arm.name,
        needs: NEEDS[arm.name] ?? [],
        run: async () =>
          void results.set(arm.name, await stage(run, progress, arm.name, () => training.train(arm))),
      }),
    )
    await runJobs(inOrder(jobs, views), LANES)
  } finally {
    progress.close()
    await training.close()
  }
  return inTableOrder(
    results,
    arms.map(({ name }) => name),
  )
}

/** An agent's folder serves one study at a time: the federation runs its two one after the other. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  'fed-moma': ['teacher', 'fed-ce'],
  'central-moma': ['teacher'],
}
/** What others wait for first, then the longest: short jobs fill the gaps at the end. */
const FIRST: readonly string[] = ['teacher', 'fed-ce', 'central-moma', 'fed-moma']

function inOrder(jobs: readonly Job[], views: readonly { name: string; work: number }[]): Job[] {
  const rank = (name: string): number => {
    const first = FIRST.indexOf(name)
    return first >= 0 ? first - FIRST.length : 1 / (views.find((view) => view.name === name)?.work ?? 1)
  }
  return jobs.toSorted((a, b) => rank(a.name) - rank(b.name))
}

/** Trains and tests arms; the federation's processes start with its first study and end with {@link close}. */
function armTraining(
  run: Run,
  prepared: Prepared,
  progress: Progress,
): {
  train(arm: Arm): Promise<ArmResult>
  close(): Promise<void>
} {
  const { out, config, processes } = run
  const shape = { config, classes: prepared.classes }
  const model = (name: string): string => join(out, 'models', `${name}.safetensors`)
  const testDirs = prepared.sites.map(({ test }) => join(out, test.dir))
  // A teacher of other classes has no answer to the sites' question.
  const dirsFor = ({ kind }: Arm): string[] =>
    kind === 'teacher' && !sameTask(prepared.classes, prepared.teacherClasses) ? [] : testDirs
  const startOf = ({ student }: Study): string | null =>
    student.initial === 'file' ? (config.start?.file ?? null) : null
  let federation: Promise<Federation> | null = null

  const studyOf = async (arm: Arm): Promise<Study> => {
    if (arm.kind === 'teacher') return teacherStudy({ config, classes: prepared.teacherClasses })
    if (!arm.name.endsWith('moma')) return crossEntropyStudy(shape, prepared.sites.length)
    const sha256 = sha256Hex(await readFile(model('teacher')))
    return momaStudy(shape, { sha256, classes: prepared.teacherClasses }, prepared.sites.length)
  }
  const teacherOf = (study: Study): string | null => (study.teacher === undefined ? null : model('teacher'))

  const trainHere = async (arm: Arm, study: Study): Promise<readonly number[]> => {
    const site = prepared.sites.find(({ name }) => name === arm.site)
    const dir = arm.kind === 'teacher' ? prepared.teacher.dir : (site?.train.dir ?? prepared.pooledDir)
    const task = {
      kind: 'train',
      study,
      // The same name as in the federation: the same order of tiles.
      site: arm.site ?? arm.kind,
      dir: join(out, dir),
      teacher: teacherOf(study),
      start: startOf(study),
      model: model(arm.name),
    } as const
    const { losses } = await processes.work(task, (view) =>
      progress.report(arm.name, { done: view.done / view.total, text: workerText(view, study) }),
    )
    return losses
  }
  const trainFederated = async (arm: Arm, study: Study): Promise<Readonly<Record<string, number>>> => {
    progress.report(arm.name, { done: 0, text: 'coordinator and sites start' })
    federation ??= openFederation(
      { root: join(out, 'federation'), logs: join(out, 'logs') },
      prepared.sites.map(({ name, train }) => ({ name, dataDir: join(out, train.dir) })),
      processes,
    ).then(async (opened) => {
      progress.note(`  Dashboard, while the sites train together (this link works once, for 10 minutes):`)
      progress.note(`  ${await opened.dashboard()}`)
      return opened
    })
    const { uploadedBytes } = await (await federation).run(
      study,
      { teacher: teacherOf(study), start: startOf(study) },
      model(arm.name),
      (view) => {
        const loss = view.loss === null ? '' : `, loss ${view.loss.toFixed(2)}`
        const sites = `${view.delivered} of ${view.sites} sites in`
        progress.report(arm.name, {
          done: view.done,
          text: `round ${view.round}/${view.rounds}, ${sites}${loss}`,
        })
      },
    )
    return uploadedBytes
  }

  return {
    async train(arm) {
      const study = await studyOf(arm)
      const federated = arm.kind === 'federated'
      const losses = federated ? null : await trainHere(arm, study)
      const uploadedBytes = federated ? await trainFederated(arm, study) : null
      progress.report(arm.name, { done: 1, text: 'test tiles of every site' })
      const test = { kind: 'test', study, model: model(arm.name), dirs: dirsFor(arm) } as const
      const { answers } = await processes.work(test, () => undefined)
      return { arm, study: studySummary(study), answers, losses, uploadedBytes }
    },
    async close() {
      // A federation that failed to open has nothing to close.
      const opened = await federation?.catch(() => null)
      await opened?.close()
    },
  }
}

function workerText({ round, loss }: TaskProgress, { training }: Study): string {
  return `round ${round ?? 0}/${training.rounds}${loss === undefined ? '' : `, loss ${loss.toFixed(2)}`}`
}
