/** @file Cells that differ in their seed only, together: mean over seeds, and how far it may be off. Pure. */
import { meanInterval } from '@tessera/shared/metrics'
import { METRICS, type MetricName } from '../runner/scores.ts'
import type { CellRow } from './results.ts'

export interface Summary {
  readonly split: string
  readonly sites: number
  readonly kind: string
  readonly method: string | null
  readonly scenario: string
  /** In the order in which the cells come. */
  readonly seeds: readonly string[]
  readonly metrics: Readonly<Record<MetricName, SeedInterval>>
  readonly seconds: number
  /** Bytes of deltas that all sites sent, mean over seeds. */
  readonly uploadedBytes: number
}

/** Mean over seeds, with a 95 % interval of it; NaN for one seed. */
export interface SeedInterval {
  readonly mean: number
  readonly low: number
  readonly high: number
  /** Of each seed, in the arm's order. */
  readonly values: readonly number[]
}

/** In the order in which the cells come. Sites alone count as one arm: each seed's value is the mean over its sites. */
export function summaries(cells: readonly CellRow[]): Summary[] {
  const arms = new Map<string, CellRow[]>()
  for (const cell of cells) {
    if (cell.scores === null) continue
    const { split, sites, kind, method, scenario } = cell
    const key = JSON.stringify([split, sites, kind, method, scenario])
    arms.set(key, [...(arms.get(key) ?? []), cell])
  }
  return [...arms.values()].flatMap((rows) => {
    const [first] = rows
    if (first === undefined) return []
    const { split, sites, kind, method, scenario } = first
    const seeds = [...new Set(rows.map(({ seed }) => seed))]
    const perSeed = (of: (row: CellRow) => number): number[] =>
      seeds.map((seed) => mean(rows.filter((row) => row.seed === seed).map(of)))
    const names = Object.keys(METRICS) as MetricName[]
    const metrics = Object.fromEntries(
      names.map((name) => [
        name,
        overSeeds(perSeed(({ scores }) => scores?.pooled.metrics[name].value ?? Number.NaN)),
      ]),
    ) as Record<MetricName, SeedInterval>
    const bytes = ({ result }: CellRow): number =>
      Object.values(result.federation?.uploadedBytes ?? {}).reduce((sum, n) => sum + n, 0)
    return [
      {
        split,
        sites,
        kind,
        method,
        scenario,
        metrics,
        seeds,
        seconds: mean(perSeed(({ result }) => result.seconds)),
        uploadedBytes: mean(perSeed(bytes)),
      },
    ]
  })
}

/** In 100 columns: a block a split, a line an arm. */
export function summaryTable(arms: readonly Summary[]): string {
  const blocks = [...new Set(arms.map(({ split, sites }) => `${split}, ${sites} sites`))]
  return blocks
    .map((title) => {
      const own = arms.filter(({ split, sites }) => `${split}, ${sites} sites` === title)
      const header = `${title.padEnd(44)}${Object.keys(METRICS).map(headed).join('')}`
      return [header.trimEnd(), ...own.map(armLine)].join('\n')
    })
    .join('\n\n')
}

const CELL = 18
const headed = (name: string): string => (name === 'quadraticWeightedKappa' ? 'kappa' : name).padStart(CELL)

function armLine({ kind, method, scenario, metrics, seeds }: Summary): string {
  const name = `  ${armTitle({ kind, method, scenario })}`
  const cells = Object.values(metrics).map((metric) => inPoints(metric).padStart(CELL))
  return `${`${name} (${seeds.length})`.slice(0, 44).padEnd(44)}${cells.join('')}`
}

/** `83.3 ± 12.6`: mean and half of its interval in hundredths; of one seed the mean alone. */
export function inPoints({ mean: centre, low, high }: Omit<SeedInterval, 'values'>): string {
  const points = (x: number): string => (100 * x).toFixed(1)
  return Number.isNaN(low) ? points(centre) : `${points(centre)} ± ${points((high - low) / 2)}`
}

/** Accuracies of two arms with each seed that both have, in the order of the first. */
export function accuracyPairs(a: Summary, b: Summary): { readonly a: number; readonly b: number }[] {
  return a.seeds.flatMap((seed, i) => {
    const j = b.seeds.indexOf(seed)
    const [first, second] = [a.metrics.accuracy.values[i], b.metrics.accuracy.values[j]]
    return first === undefined || second === undefined ? [] : [{ a: first, b: second }]
  })
}

/** `federated moma, byzantine`. */
export function armTitle({ kind, method, scenario }: Pick<Summary, 'kind' | 'method' | 'scenario'>): string {
  const what = [kind, ...(method === null ? [] : [method])].join(' ')
  return scenario === 'calm' ? what : `${what}, ${scenario}`
}

const overSeeds = (values: readonly number[]): SeedInterval => ({ ...meanInterval(values), values })

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length
