/** @file The table of what a start is worth: mean over the seeds with its 95 % interval, and what the file adds to each row. Pure. */
import { accuracy, type ConfusionMatrix, macroF1, meanInterval } from '@tessera/shared/metrics'
import { START_ARMS } from './arms.ts'

/** One seed's confusion matrices, by the name of the arm. */
export type SeedMatrices = Readonly<Record<string, ConfusionMatrix>>

const METRICS = { accuracy, 'macro-F1': macroF1 }
const LABEL = 40
const COLUMN = 24

/** Columns: from chance, from the file, the difference within each seed. In percent. */
export function startTable(seeds: readonly SeedMatrices[]): string {
  const rows = [...new Set(START_ARMS.map(({ row }) => row))]
  const blocks = Object.entries(METRICS).map(([title, metric]) => {
    const scores = (row: string, from: string): number[] => {
      const arm = START_ARMS.find((one) => one.row === row && one.from === from)
      return seeds.map((matrices) => metric(matrices[arm?.name ?? ''] ?? []))
    }
    const lines = rows.map((row) => {
      const [chance, file] = [scores(row, 'chance'), scores(row, 'file')]
      const gain = file.map((score, i) => score - (chance[i] ?? Number.NaN))
      return line(row, [cell(chance), cell(file), cell(gain)])
    })
    return [line(`${title}, %`, ['from chance', 'from the file', 'difference']), ...lines].join('\n')
  })
  return `${blocks.join('\n\n')}\n`
}

function cell(values: readonly number[]): string {
  const { mean, low, high } = meanInterval(values)
  return `${percent(mean)} [${percent(low)}, ${percent(high)}]`
}

const percent = (share: number): string => (Number.isNaN(share) ? '–' : (100 * share).toFixed(1))
const line = (label: string, cells: readonly string[]): string =>
  `  ${label.padEnd(LABEL)}${cells.map((text) => text.padStart(COLUMN)).join('')}`
