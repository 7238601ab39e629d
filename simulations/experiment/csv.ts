/** @file results.csv: a line a cell and test site, and one for all sites together. Pure. */
import { METRICS, type MetricName, type Scores } from '../runner/scores.ts'
import type { CellRow } from './results.ts'

const NAMES = Object.keys(METRICS) as MetricName[]
const COLUMNS = [
  'split',
  'sites',
  'seed',
  'kind',
  'method',
  'scenario',
  'trained_on',
  'tested_on',
  'tiles',
  ...NAMES.flatMap((name) => [name, `${name}_low`, `${name}_high`]),
  'seconds',
  'uploaded_bytes',
] as const

/** With a header. RFC 4180. */
export function csvText(cells: readonly CellRow[]): string {
  const lines = cells.flatMap((cell) => {
    if (cell.scores === null) return []
    const { sites, pooled } = cell.scores
    return [...Object.entries(sites), ['all', pooled] as const].map(([name, scores]) =>
      line(cell, name, scores),
    )
  })
  return `${[COLUMNS.join(','), ...lines].join('\r\n')}\r\n`
}

function line(cell: CellRow, testedOn: string, { tiles, metrics }: Scores): string {
  const { split, sites, seed, kind, method, scenario, site, result } = cell
  const bytes = Object.values(result.federation?.uploadedBytes ?? {}).reduce((sum, n) => sum + n, 0)
  const scores = NAMES.flatMap((name) => {
    const { value, low, high } = metrics[name]
    return [value, low, high].map((x) => (Number.isNaN(x) ? '' : x.toFixed(4)))
  })
  return [
    split,
    sites,
    seed,
    kind,
    method ?? '',
    scenario,
    site ?? 'all',
    testedOn,
    tiles,
    ...scores,
    result.seconds.toFixed(1),
    bytes,
  ]
    .map((field) => quoted(String(field)))
    .join(',')
}

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
