/** @file One cell in worker processes: its study is trained, alone, centrally or as a federation, and its student is tested on every site's tiles. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Study } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import { studySummary } from '../runner/arms.ts'
import { openFederation } from '../runner/federation.ts'
import type { StageReport } from '../runner/progress.ts'
import type { TaskProgress } from '../runner/tasks.ts'
import type { CellResult } from './cell-store.ts'
import type { PlannedCell } from './plan.ts'
import type { Run } from './run.ts'

type Report = (report: StageReport) => void

/** What training leaves, beside the student's file. */
interface Trained {
  readonly engine: string
  readonly losses: readonly number[]
  readonly federation?: NonNullable<CellResult['federation']>
}

/** @throws {TesseraError} What training, the federation or the test fails with. */
export async function runCell(run: Run, planned: PlannedCell, report: Report): Promise<CellResult> {
  const { store, processes, clock, read } = run
  const { cell, key, teacherKey, teacherClasses } = planned
  const startedMs = clock.now()
  const teacher = teacherKey === null ? null : store.model(teacherKey)
  const study = planned.study(
    teacher === null ? null : { sha256: sha256Hex(await readFile(teacher)), classes: teacherClasses },
  )
  const isTeacher = cell?.kind === 'teacher'
  const trained = isTeacher
    ? { engine: run.engine.description, losses: [] }
    : await train(run, planned, study, teacher, report)
  const model = isTeacher && teacher !== null ? teacher : store.model(key)
  report({ done: 1, text: 'test tiles' })
  const { answers } =
    planned.tests.length === 0
      ? { answers: [] }
      : await processes.work(
          { kind: 'test', study, model, dirs: planned.tests },
          () => undefined,
          read.experiment.threads,
        )
  return {
    ...trained,
    study: studySummary(study),
    answers,
    model: sha256Hex(await readFile(model)),
    seconds: (clock.now() - startedMs) / 1000,
  }
}

async function train(
  run: Run,
  { cell, key, deal, folder }: PlannedCell,
  study: Study,
  teacher: string | null,
  report: Report,
): Promise<Trained> {
  const { store, processes, read, starts, out } = run
  const start = (cell === null ? starts.teacher : starts.student)?.file ?? null
  const { threads, transport } = read.experiment
  const model = store.model(key)
  const tell = ({ done, total, round, loss }: TaskProgress): void =>
    report({
      done: done / total,
      text: `round ${round ?? 0}/${study.training.rounds}${loss === undefined ? '' : `, loss ${loss.toFixed(2)}`}`,
    })
  const sites = deal.sites.map(({ name }) => ({ name, dataDir: folder.train(name) }))
  if (cell?.kind !== 'federated') {
    const dir = cell === null ? folder.teacher : cell.site === null ? folder.pooled : folder.train(cell.site)
    // The same name as in the federation: the same order of tiles.
    const site = cell?.site ?? cell?.kind ?? 'teacher'
    const task = { kind: 'train', study, site, dir, teacher, start, model } as const
    const { engine, losses } = await processes.work(task, tell, threads)
    return { engine, losses }
  }
  const root = join(out, 'federations', key)
  if (transport === 'processes')
    return inProcesses(run, study, { root, sites, teacher, start, model }, report)
  const { faults } = cell.scenario
  const task = { kind: 'federate', root, study, sites, transport, teacher, start, faults, model } as const
  const { engine, losses, ...federation } = await processes.work(task, tell, threads)
  return { engine, losses, federation }
}

/** Coordinator and agents as a consortium would start them. Losses stay with the rounds' records. */
async function inProcesses(
  { processes, engine }: Run,
  study: Study,
  {
    root,
    sites,
    teacher,
    start,
    model,
  }: Pick<Parameters<typeof openFederation>[0], 'root'> & {
    readonly sites: readonly { readonly name: string; readonly dataDir: string }[]
    readonly teacher: string | null
    readonly start: string | null
    readonly model: string
  },
  report: Report,
): Promise<Trained> {
  const logs = join(root, 'logs')
  await mkdir(logs, { recursive: true })
  const opened = await openFederation({ root, logs }, sites, processes)
  try {
    const { uploadedBytes } = await opened.run(study, { teacher, start }, model, ({ done, round, rounds }) =>
      report({ done, text: `round ${round}/${rounds}` }),
    )
    return {
      engine: engine.description,
      losses: [],
      federation: { roundSeconds: [], uploadedBytes, declined: [] },
    }
  } finally {
    await opened.close()
  }
}
