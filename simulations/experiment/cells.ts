/** @file The cells of an experiment: every arm × method × split × sites × seed × scenario, each by a name that stays the same. Pure. */
import { splitName } from './read.ts'
import type { Experiment, Scenario, SplitConfig } from './schema.ts'

/** Tiles as one seed and one split deal them out. */
export interface Variant {
  readonly name: string
  readonly split: SplitConfig
  /** Null: as many as the data say. */
  readonly sites: number | null
  readonly seed: string
}

export interface Cell {
  /** For people, and unlike every other's. */
  readonly name: string
  readonly kind: 'teacher' | 'alone' | 'federated' | 'central'
  readonly variant: Variant
  /** Null: the teacher's own cross-entropy. */
  readonly method: string | null
  /** That trains alone; else null. */
  readonly site: string | null
  readonly scenario: Scenario
}

/** Nothing out of the ordinary. */
const CALM: Scenario = { name: 'calm', faults: [], training: {}, federation: {} }

/** Seeds × splits × numbers of sites. */
export function variantsOf({ splits, seeds }: Experiment): Variant[] {
  return seeds.map(String).flatMap((seed) =>
    splits.flatMap((split) =>
      ('sites' in split ? split.sites : [null]).map((sites) => ({
        name: [splitName(split), ...(sites === null ? [] : [`${sites}-sites`]), `seed-${seed}`].join('/'),
        split,
        sites,
        seed,
      })),
    ),
  )
}

/**
 * Cells of a variant, in the order of the arms.
 * @param siteNames Of its deal.
 */
export function cellsOf(experiment: Experiment, variant: Variant, siteNames: readonly string[]): Cell[] {
  const cell = (fields: Omit<Cell, 'name' | 'variant'>): Cell => ({
    ...fields,
    variant,
    name: cellName(fields, variant),
  })
  return experiment.arms.flatMap((arm) => {
    if (arm.kind === 'teacher') return [cell({ kind: 'teacher', method: null, site: null, scenario: CALM })]
    return arm.methods.flatMap((method) => {
      if (arm.kind === 'central') return [cell({ kind: 'central', method, site: null, scenario: CALM })]
      if (arm.kind === 'alone')
        return siteNames.map((site) => cell({ kind: 'alone', method, site, scenario: CALM }))
      return experiment.scenarios.map((scenario) => cell({ kind: 'federated', method, site: null, scenario }))
    })
  })
}

function cellName(
  { kind, method, site, scenario }: Omit<Cell, 'name' | 'variant'>,
  variant: Variant,
): string {
  const parts = [kind, method, site, scenario === CALM || scenario.name === 'calm' ? null : scenario.name]
  return [variant.name, ...parts.filter((part) => part !== null)].join('/')
}

/** True when the cell's method reads a teacher. */
export function wantsTeacher({ methods }: Experiment, { method }: Cell): boolean {
  return method !== null && methods[method]?.name !== 'ce'
}
