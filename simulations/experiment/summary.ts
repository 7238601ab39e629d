/** @file Cells that differ in their seed only, together: mean over seeds, and how far it may be off. Pure. */
import { METRICS, type MetricName } from '../runner/scores.ts'
import type { CellRow } from './results.ts'

export interface Summary {
  readonly split: string
  readonly sites: number
  readonly kind: string
  readonly method: string | null
  readonly scenario: string
  readonly seeds: number
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
  /** Of each seed, in their order. */
  readonly values: readonly number[]
}

/** Student's t at 97.5 % for 1 to 10 degrees of freedom; beyond, the normal's 1.96 is off by less than a tenth. */
const T_975 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]

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
        seedInterval(perSeed(({ scores }) => scores?.pooled.metrics[name].value ?? Number.NaN)),
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
        seeds: seeds.length,
        seconds: mean(perSeed(({ result }) => result.seconds)),
        uploadedBytes: mean(perSeed(bytes)),
      },
    ]
  })
}

/** Mean of values, with the interval of Student's t. */
export function seedInterval(values: readonly number[]): SeedInterval {
  const centre = mean(values)
  const freedom = values.length - 1
  const variance = values.reduce((sum, x) => sum + (x - centre) ** 2, 0) / freedom
  const half = (T_975[freedom - 1] ?? 1.96) * Math.sqrt(variance / values.length)
  return freedom === 0
    ? { mean: centre, low: Number.NaN, high: Number.NaN, values }
    : { mean: centre, low: centre - half, high: centre + half, values }
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
  const cells = Object.values(metrics).map(({ mean: centre, low, high }) => {
    const spread = Number.isNaN(low) ? '' : ` ± ${(((high - low) / 2) * 100).toFixed(1)}`
    return `${(centre * 100).toFixed(1)}${spread}`.padStart(CELL)
  })
  return `${`${name} (${seeds})`.slice(0, 44).padEnd(44)}${cells.join('')}`
}

/** `federated moma, byzantine`. */
export function armTitle({ kind, method, scenario }: Pick<Summary, 'kind' | 'method' | 'scenario'>): string {
  const what = [kind, ...(method === null ? [] : [method])].join(' ')
  return scenario === 'calm' ? what : `${what}, ${scenario}`
}

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length
