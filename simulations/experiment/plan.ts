/** @file What an experiment comes to on these tiles: every cell with its folders, its study and its key, teachers first. */
import type { Study } from '@tessera/shared/protocol'
import { sameTask } from '../runner/studies.ts'
import { cellKey } from './cell-key.ts'
import { type Cell, cellsOf, type Variant, variantsOf, wantsTeacher } from './cells.ts'
import { testedRounds } from './curve.ts'
import { type Deal, dealTiles, type PlacedTile, testedSites } from './deal.ts'
import type { Run } from './run.ts'
import { EVERY_ROUND } from './schema.ts'
import { cellStudy, type TeacherOfCell, teacherStudy } from './studies.ts'
import type { DealFolder, TileStore } from './tile-store.ts'

/** One piece of work. */
export interface PlannedCell {
  readonly key: string
  readonly title: string
  /** Estimated, in passes of one tile through the student, for the time left only. */
  readonly work: number
  /** Null: the training of a teacher, which others wait for. */
  readonly cell: Cell | null
  readonly variant: Variant
  readonly deal: Deal
  readonly folder: DealFolder
  readonly teacherKey: string | null
  readonly teacherClasses: readonly string[]
  /** Folders to test the student on; none for a teacher in training, and for one of other classes: it has no answer to the sites' question. */
  readonly tests: readonly string[]
  /** @param teacher Its file's hash, once it is trained. */
  study(teacher: TeacherOfCell | null): Study
}

/** Until the teacher is trained; its key says which one it will be. */
const UNTRAINED = '0'.repeat(64)
/** A training step counts as three passes, forward and twice back; a teacher's pass beside it as two. */
const [STEP, TEACHER_PASS] = [3, 2]

/** In the order of the results; each key once. @throws {TesseraError} ERR_CONFIG_INVALID */
export async function planCells(
  { read, starts, engine }: Pick<Run, 'read' | 'starts' | 'engine'>,
  tiles: TileStore,
): Promise<PlannedCell[]> {
  const { experiment } = read
  const { threads, transport, testEvery } = experiment
  const machine = { engine: engine.description, threads }
  const planned = new Map<string, PlannedCell>()
  const add = (cell: PlannedCell): void => void planned.set(cell.key, planned.get(cell.key) ?? cell)
  const identities = (list: readonly PlacedTile[]): string[] => list.map((tile) => tiles.identity(tile))

  for (const variant of variantsOf(experiment)) {
    const { split, sites: siteCount, seed } = variant
    const deal = dealTiles(tiles.tiles, tiles.teacher, experiment, split, siteCount, seed)
    const folder = await tiles.folderOf(deal)
    const cells = cellsOf(
      experiment,
      variant,
      deal.sites.map(({ name }) => name),
    )
    const { teacherClasses } = tiles
    const common = { variant, deal, folder, teacherClasses }
    const tests = deal.sites.map(({ name, test }) => [name, identities(test)])
    const testDirs = testedSites(deal.sites).map(({ name }) => folder.test(name))
    const teaching = teacherStudy(experiment, tiles.teacherClasses, seed)
    const teacherKey = cellKey({
      ...machine,
      kind: 'teacher',
      study: teaching,
      train: identities(deal.teacher),
      start: starts.teacher?.sha256,
    })
    if (cells.some((cell) => cell.kind === 'teacher' || wantsTeacher(experiment, cell))) {
      const work = deal.teacher.length * teaching.training.rounds * STEP
      const title = `teacher/seed-${seed}`
      add({
        ...common,
        key: teacherKey,
        title,
        work,
        cell: null,
        teacherKey: null,
        tests: [],
        study: () => teaching,
      })
    }
    for (const cell of cells) {
      const taught = wantsTeacher(experiment, cell)
      const study = (teacher: TeacherOfCell | null): Study =>
        cell.kind === 'teacher'
          ? teaching
          : cellStudy(experiment, cell, tiles.classes, deal.sites.length, teacher)
      const whole = study(taught ? { sha256: UNTRAINED, classes: tiles.teacherClasses } : null)
      const mine = deal.sites.filter(({ name }) => cell.site === null || cell.site === name)
      const train = cell.kind === 'teacher' ? [] : mine.map(({ name, train }) => [name, identities(train)])
      const how = cell.kind === 'federated' ? { transport, faults: cell.scenario.faults } : {}
      const ownTeacher = taught || cell.kind === 'teacher' ? teacherKey : null
      const { rounds, epochsPerRound } = whole.training
      const steps =
        cell.kind === 'teacher' ? 0 : rounds * epochsPerRound * (STEP + (taught ? TEACHER_PASS : 0))
      add({
        ...common,
        key: cellKey({
          ...machine,
          kind: cell.kind,
          study: whole,
          train,
          tests,
          teacher: ownTeacher,
          // Left out where it is the default: cells that were finished before there was a curve stay finished.
          testEvery: testEvery === EVERY_ROUND || cell.kind === 'teacher' ? undefined : testEvery,
          start: cell.kind === 'teacher' ? undefined : starts.student?.sha256,
          ...how,
        }),
        title: cell.name,
        work:
          steps * mine.reduce((sum, { train }) => sum + train.length, 0) +
          tests.flat(2).length *
            (cell.kind === 'teacher' ? 1 : Math.max(1, testedRounds(rounds, testEvery).length)),
        cell,
        teacherKey: ownTeacher,
        tests: cell.kind === 'teacher' && !sameTask(tiles.classes, teacherClasses) ? [] : testDirs,
        study,
      })
    }
  }
  return [...planned.values()].toSorted((a, b) => Number(a.cell !== null) - Number(b.cell !== null))
}
