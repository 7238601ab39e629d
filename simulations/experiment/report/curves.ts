/** @file What every arm did round by round: its accuracy, and the loss it trained with. Pure. */
import type { CellRow } from '../results.ts'
import { armTitle, type Summary } from '../summary.ts'
import { type Axis, lineChart, type Point, type Series } from './line-chart.ts'

const ACCURACY: Axis = { least: 0, most: 1, tick: (value) => String(Math.round(value * 1000) / 10) }
const LOSS: Axis = { least: 0, most: Number.POSITIVE_INFINITY, tick: (value) => String(value) }

/** @param of Cells of an arm. */
export function curves(arms: readonly Summary[], of: (arm: Summary) => readonly CellRow[]): string {
  const seriesOf = (valuesOf: (cell: CellRow) => [number, number][]): Series[] =>
    arms.map((arm) => ({ name: armTitle(arm), points: overSeeds(of(arm), valuesOf) }))
  const accuracy = seriesOf(({ result }) =>
    (result.curve ?? []).map(({ round, correct, tiles }) => [round, correct / tiles]),
  )
  const loss = seriesOf(({ result }) => result.losses.map((value, i) => [i + 1, value]))
  return [lineChart('Accuracy in %', accuracy, ACCURACY), lineChart('Training loss', loss, LOSS)]
    .filter((chart) => chart !== null)
    .join('\n')
}

/** Mean over seeds, and the lowest and highest of them; a seed's value is the mean over its cells. Rounds that a cell does not tell are passed over. */
function overSeeds(cells: readonly CellRow[], valuesOf: (cell: CellRow) => [number, number][]): Point[] {
  const byRound = new Map<number, Map<string, number[]>>()
  for (const cell of cells) {
    for (const [round, value] of valuesOf(cell)) {
      // Of a round in which no site told its loss.
      if (!Number.isFinite(value)) continue
      const bySeed = byRound.get(round) ?? new Map<string, number[]>()
      byRound.set(round, bySeed.set(cell.seed, [...(bySeed.get(cell.seed) ?? []), value]))
    }
  }
  return [...byRound]
    .toSorted(([a], [b]) => a - b)
    .map(([round, bySeed]) => {
      const values = [...bySeed.values()].map(mean)
      return { round, value: mean(values), low: Math.min(...values), high: Math.max(...values) }
    })
}

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length
