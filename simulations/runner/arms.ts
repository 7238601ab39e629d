/** @file The arms of a comparison: what is trained where, and what the table calls it. */
import type { Study } from '@tessera/shared/protocol'
import type { DemoConfig } from './config.ts'
import type { Prepared, PreparedTiles } from './prepare.ts'
import type { TestResult } from './tasks.ts'

export interface Arm {
  /** Name of its stage, its model file and its entry in results.json. */
  readonly name: string
  readonly title: string
  readonly kind: 'alone' | 'federated' | 'teacher' | 'central'
  /** Site whose tiles it learns from; null: those of all, or the teacher's. */
  readonly site: string | null
}

/** What an arm leaves behind. */
export interface ArmResult {
  readonly arm: Arm
  readonly study: object
  readonly answers: TestResult['answers']
  /** Mean training loss of each round; null for a federated arm, whose losses stay with the rounds' records. */
  readonly losses: readonly number[] | null
  /** Bytes of deltas that each site sent. */
  readonly uploadedBytes: Readonly<Record<string, number>> | null
}

/** In the order of the table. */
export function armsOf(siteNames: readonly string[]): Arm[] {
  return [
    ...siteNames.map((site) => ({
      name: `alone-${site}`,
      title: `${site} alone`,
      kind: 'alone' as const,
      site,
    })),
    { name: 'fed-ce', title: 'federated, cross-entropy', kind: 'federated', site: null },
    { name: 'fed-moma', title: 'federated, MoMA', kind: 'federated', site: null },
    { name: 'teacher', title: 'teacher', kind: 'teacher', site: null },
    { name: 'central-moma', title: 'centralised MoMA', kind: 'central', site: null },
  ]
}

const total = ({ counts }: PreparedTiles): number => counts.reduce((sum, n) => sum + n, 0)

/**
 * Estimated work of an arm in passes of one tile through the student, for the time left only: a training step counts 3, a pass of a frozen
 * teacher its width squared against the student's.
 */
export function workOf(arm: Arm, prepared: Prepared, config: DemoConfig): number {
  const teacherRatio = config.start ? 1 : (config.teacherWidth / config.width) ** 1.3
  const passes = config.rounds * config.epochs
  const all = prepared.sites.reduce((sum, site) => sum + total(site.train), 0)
  if (arm.kind === 'teacher') return 3 * teacherRatio * total(prepared.teacher) * config.teacherEpochs
  const own = prepared.sites.find(({ name }) => name === arm.site)
  const tiles = own === undefined ? all : total(own.train)
  return passes * tiles * (arm.name.endsWith('moma') ? 3 + 2 * teacherRatio : 3)
}

/** What is kept of a study in results.json. */
export function studySummary({ id, student, teacher, method, training }: Study): object {
  return { id, student, teacher: teacher ?? null, method, training }
}
