/** @file One cell in worker processes: its study is trained, alone, centrally or as a federation, and its student is tested on every site's tiles. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { studyMetrics } from '@tessera/coordinator/studies'
import type { Study } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import type { StageReport } from '@tessera/shared/stage-progress'
import { studySummary } from '../runner/arms.ts'
import { openFederation } from '../runner/federation.ts'
import type { TaskProgress, TestResult } from '../runner/tasks.ts'
import type { CellResult } from './cell-store.ts'
import {
  type CurvePoint,
  curvePoint,
  publishedStudents,
  type RoundStudents,
  testedRounds,
  writtenStudents,
} from './curve.ts'
import type { PlannedCell } from './plan.ts'
import type { Run } from './run.ts'

type Report = (report: StageReport) => void

/** What training leaves, beside the student's file. */
interface Trained {
  readonly engine: string
  readonly losses: readonly number[]
  readonly federation?: NonNullable<CellResult['federation']>
  /** Of its rounds; null for a teacher, whose epochs are no rounds. */
  readonly students: RoundStudents | null
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
  const { students, ...trained }: Trained = isTeacher
    ? { engine: run.engine.description, losses: [], students: null }
    : await train(run, planned, study, teacher, report)
  const model = isTeacher && teacher !== null ? teacher : store.model(key)
  const test = async (student: string): Promise<TestResult['answers']> => {
    if (planned.tests.length === 0) return []
    const task = { kind: 'test', study, model: student, dirs: planned.tests } as const
    return (await processes.work(task, () => undefined, read.experiment.threads)).answers
  }
  report({ done: 1, text: 'test tiles' })
  const answers = await test(model)
  const curve: CurvePoint[] = []
  if (students !== null) {
    const { rounds } = study.training
    for (const round of testedRounds(rounds, read.experiment.testEvery)) {
      report({ done: 1, text: `test tiles, round ${round}/${rounds}` })
      curve.push(curvePoint(round, round === rounds ? answers : await test(await students.file(round))))
    }
    await students.remove()
  }
  return {
    ...trained,
    study: studySummary(study),
    answers,
    curve,
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
  const { threads, transport, testEvery } = read.experiment
  const model = store.model(key)
  const tell = ({ done, total, round, loss }: TaskProgress): void =>
    report({
      done: done / total,
      text: `round ${round ?? 0}/${study.training.rounds}${loss === undefined ? '' : `, loss ${loss.toFixed(2)}`}`,
    })
  if (cell?.kind !== 'federated') {
    const dir = cell === null ? folder.teacher : cell.site === null ? folder.pooled : folder.train(cell.site)
    // The same name as in the federation: the same order of tiles.
    const site = cell?.site ?? cell?.kind ?? 'teacher'
    const rounds = {
      dir: join(out, 'rounds', key),
      kept: cell === null ? [] : testedRounds(study.training.rounds, testEvery).slice(0, -1),
    }
    const task = { kind: 'train', study, site, dir, teacher, start, model, rounds } as const
    const { engine, losses } = await processes.work(task, tell, threads)
    return { engine, losses, students: cell === null ? null : writtenStudents(rounds.dir) }
  }
  const root = join(out, 'federations', key)
  const students = publishedStudents(root, study.id)
  // Judged on test tiles: then the agents must have both, and be told which is which.
  const dataOf = (site: string): string =>
    study.judging === undefined ? folder.train(site) : folder.parts(site)
  const sites = deal.sites.map(({ name }) => ({ name, dataDir: dataOf(name) }))
  const federate = async (): Promise<Omit<Trained, 'students'>> => {
    if (transport === 'processes')
      return inProcesses(run, study, { root, sites, teacher, start, model }, report)
    const { faults } = cell.scenario
    const task = { kind: 'federate', root, study, sites, transport, teacher, start, faults, model } as const
    const { engine, losses, ...federation } = await processes.work(task, tell, threads)
    return { engine, losses, federation }
  }
  const trained = await federate()
  if (study.judging === undefined || trained.federation === undefined) return { ...trained, students }
  const { rounds: judged } = await studyMetrics({ dir: join(root, 'coordinator'), study: study.id })
  return { ...trained, federation: { ...trained.federation, judged }, students }
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
): Promise<Omit<Trained, 'students'>> {
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
