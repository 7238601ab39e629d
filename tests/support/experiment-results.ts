/** @file Finished cells with a known number of right answers. */
import type { CellRow, ExperimentResults } from '../../simulations/experiment/results.ts'
import { scoreArm } from '../../simulations/runner/scores.ts'

/** A cell whose student is right on so many of ten tiles. */
export function row(right: number, fields: Partial<CellRow> = {}): CellRow {
  const truth = Array.from({ length: 10 }, (_, i) => i % 2)
  const predicted = truth.map((label, i) => (i < right ? label : 1 - label))
  const groups = truth.map((_, i) => `g${i}`)
  return {
    name: 'n',
    key: `key-${right}`,
    kind: 'central',
    split: 'folder',
    sites: 2,
    seed: '1',
    method: 'ce',
    scenario: 'calm',
    site: null,
    scores: scoreArm([{ site: 'north', truth, predicted, groups }], 2, 'seed'),
    result: { study: {}, engine: 'e', losses: [2, 1], curve: [], model: 'm', seconds: 3 },
    ...fields,
  }
}

/** What a run of these cells would write. */
export const results = (cells: readonly CellRow[], name = 'x'): ExperimentResults => ({
  format: 'tessera-experiment',
  version: 1,
  experiment: { name },
  versions: { engine: 'e' },
  classes: ['a', 'b'],
  teacherClasses: ['a', 'b'],
  tiles: {},
  deals: [],
  bootstrap: {},
  wallSeconds: 1,
  cells,
})
