/** @file Everything the page shows at once, put together from what the running coordinator knows. */

import type { Clock } from '@tessera/shared/clock'
import type {
  CoordinatorRow,
  CoordinatorView,
  StudyRow,
  Verification,
} from '@tessera/shared/dashboard/coordinator-view'
import type { Registry } from '../enrolment/index.ts'
import type { StudyRun } from '../running/index.ts'
import type { ViewNow } from './live.ts'
import { memberRows } from './members.ts'
import type { Memory } from './memory.ts'
import { createSiteRows } from './site-rows.ts'
import { studyRow } from './study-row.ts'

/** How often the coordinator's own row is made anew: nobody needs its byte counts twice a second. */
const COORDINATOR_ROW_MS = 10_000

export interface ViewSources {
  readonly memory: Memory
  readonly runs: () => readonly StudyRun[]
  readonly registry: () => Registry
  /** Of a study's ledger. */
  readonly verification: (study: string) => Verification | null
  readonly about: Pick<CoordinatorRow, 'version' | 'url' | 'fingerprint'>
  readonly clock: Clock
}

/** Builds what gives the view, whole, whenever it is asked. */
export function createViewNow(sources: ViewSources): ViewNow {
  const { memory, runs, registry, verification, about, clock } = sources
  const startedAtMs = clock.now()
  const bytesOfAll = (): number => total(runs(), ({ study }) => memory.study(study.id)?.past.bytesUp() ?? 0)
  const bytesBefore = bytesOfAll()
  const siteRows = createSiteRows()
  let coordinator: CoordinatorRow | null = null

  const coordinatorRow = (): CoordinatorRow => {
    const nowMs = clock.now()
    if (coordinator !== null && nowMs < coordinator.nowMs + COORDINATOR_ROW_MS) return coordinator
    const all = runs()
    coordinator = {
      ...about,
      startedAtMs,
      nowMs,
      sessions: total(all, (run) => run.connected().length),
      bytesDown: total(all, (run) => run.bytesDown()),
      bytesUp: bytesOfAll() - bytesBefore,
    }
    return coordinator
  }
  const studyRows = (): StudyRow[] =>
    runs().flatMap((run) => {
      const remembered = memory.study(run.study.id)
      return remembered === undefined ? [] : [studyRow(run, remembered, verification(run.study.id))]
    })
  return (watched): Omit<CoordinatorView, 'number'> => {
    const run = runs().find(({ study }) => study.id === watched)
    const past = watched === null ? undefined : memory.study(watched)?.past
    return {
      coordinator: coordinatorRow(),
      studies: byKey(studyRows(), ({ study }) => study),
      sites: byKey(siteRows(registry(), runs(), memory, clock.now()), ({ site }) => site),
      watched: run === undefined ? null : watched,
      members: run && past ? byKey(memberRows(run, past), ({ site }) => site) : {},
    }
  }
}

function total(runs: readonly StudyRun[], of: (run: StudyRun) => number): number {
  return runs.reduce((sum, run) => sum + of(run), 0)
}

function byKey<Row>(rows: readonly Row[], key: (row: Row) => string): Record<string, Row> {
  return Object.fromEntries(rows.map((row) => [key(row), row]))
}
