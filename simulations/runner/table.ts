/** @file The table at the end of a run, in 100 columns: one block a metric, one row an arm, one column a site and one for all. Pure. */
import type { ArmScores, MetricName } from './scores.ts'

export interface TableRow {
  readonly title: string
  readonly scores: ArmScores
}

const TITLES: Readonly<Record<MetricName, string>> = {
  accuracy: 'accuracy',
  macroF1: 'macro-F1',
  quadraticWeightedKappa: 'quadratic kappa',
}
const WIDTH = 100
const LABEL = 28
const INTERVAL = 25
const MIN_COLUMN = 8

/** Site columns that fit; the rest are in results.json. */
export function scoreTable(rows: readonly TableRow[], siteNames: readonly string[]): string {
  const room = WIDTH - LABEL - INTERVAL
  const column = Math.max(
    MIN_COLUMN,
    Math.min(
      20,
      Math.floor(room / Math.max(1, siteNames.length)),
      Math.max(...siteNames.map((name) => name.length)) + 2,
    ),
  )
  const shown = siteNames.slice(0, Math.floor(room / column))
  const counts = rows[0]?.scores
  const line = (label: string, cells: readonly string[], last: string): string =>
    `${label.padEnd(LABEL)}${cells.map((cell) => cell.slice(0, column - 1).padStart(column)).join('')}${last.padStart(INTERVAL)}`.trimEnd()

  const blocks = (Object.keys(TITLES) as MetricName[]).map((metric) => [
    line(TITLES[metric], shown, 'all sites [95 % interval]'),
    ...rows.map(({ title, scores }) => {
      const { value, low, high } = scores.pooled.metrics[metric]
      const cells = shown.map((site) => number(scores.sites[site]?.metrics[metric].value))
      return line(`  ${title}`, cells, `${number(value)} [${number(low)}, ${number(high)}]`)
    }),
  ])
  const tiles = line(
    'test tiles',
    shown.map((site) => String(counts?.sites[site]?.tiles ?? 0)),
    String(counts?.pooled.tiles ?? 0),
  )
  const omitted = siteNames.length - shown.length
  return [
    ...blocks.flatMap((block) => [...block, '']),
    tiles,
    ...(omitted > 0 ? [`(${omitted} more sites in results.json)`] : []),
  ].join('\n')
}

function number(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? '-' : value.toFixed(3)
}

/** `site-a  train 88 12 64 (164)  test …`: tiles by class, in the study's order. */
export function countLines(
  sites: readonly {
    readonly name: string
    readonly train: readonly number[]
    readonly test: readonly number[]
  }[],
  teacher: readonly number[],
  classes: readonly string[],
): string {
  const sum = (counts: readonly number[]): number => counts.reduce((total, n) => total + n, 0)
  const width = Math.max(...sites.map(({ name }) => name.length), 'teacher'.length)
  const list = (counts: readonly number[]): string =>
    `${String(sum(counts)).padStart(5)} (${counts.map((n) => String(n).padStart(3)).join(' ')})`
  return [
    `classes: ${classes.join(', ')}`,
    ...sites.map(
      ({ name, train, test }) => `${name.padEnd(width)}  train ${list(train)}  test ${list(test)}`,
    ),
    `${'teacher'.padEnd(width)}  train ${list(teacher)}`,
  ].join('\n')
}
