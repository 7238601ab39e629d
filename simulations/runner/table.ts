/** @file The table at the end of a run, in 100 columns: one block a metric, one row an arm, one column a site and one for all. Pure. */

import type { ArmScores, MetricName, Score, Scores } from './scores.ts'
import { sameTask } from './studies.ts'

export interface TableRow {
  readonly title: string
  readonly scores: ArmScores
}

const TITLES: Readonly<Record<MetricName, string>> = {
  accuracy: 'accuracy',
  macroF1: 'macro-F1',
  quadraticWeightedKappa: 'quadratic kappa',
}
const LABEL = 27
/** `-.182 [-.31,1.00]`, the longest, and a space. */
const COLUMN = 18
/** Four columns and the label are 99 characters; more sites go on below. */
const COLUMNS = 4

/** One block a metric: value and 95 % interval on the test tiles of every site, and of all sites together. */
export function scoreTable(rows: readonly TableRow[], siteNames: readonly string[]): string {
  const columns = [...siteNames.map((name) => ({ name, of: siteScores(name) })), ALL]
  const parts = Array.from({ length: Math.ceil(columns.length / COLUMNS) }, (_, i) =>
    columns.slice(i * COLUMNS, (i + 1) * COLUMNS),
  )
  const line = (label: string, cells: readonly string[]): string =>
    `${label.padEnd(LABEL)}${cells.map((cell) => cell.padStart(COLUMN)).join('')}`.trimEnd()
  const blocks = (Object.keys(TITLES) as MetricName[]).flatMap((metric) =>
    parts.map((part) => [
      line(
        TITLES[metric],
        part.map(({ name }) => shortened(name)),
      ),
      ...rows.map(({ title, scores }) =>
        line(
          `  ${shortened(title, LABEL - 3)}`,
          part.map(({ of }) => cell(of(scores)?.metrics[metric])),
        ),
      ),
    ]),
  )
  const tiles = parts.map((part) =>
    line(
      'test tiles',
      part.map(({ of }) => String(rows[0] === undefined ? 0 : (of(rows[0].scores)?.tiles ?? 0))),
    ),
  )
  return [...blocks.flatMap((block) => [...block, '']), ...tiles].join('\n')
}

interface Column {
  readonly name: string
  readonly of: (scores: ArmScores) => Scores | undefined
}

const ALL: Column = { name: 'all sites', of: ({ pooled }) => pooled }

function siteScores(name: string): Column['of'] {
  return ({ sites }) => sites[name]
}

/** `.734 [.67,.80]`: the value, and the ends of its interval. A dash where the metric is not defined. */
function cell(score: Score | undefined): string {
  if (score === undefined || Number.isNaN(score.value)) return '-'
  const { value, low, high } = score
  return `${short(value, 3)} [${short(low, 2)},${short(high, 2)}]`
}

/** Without the zero before the point: `.73`, `-.10`, `1.00`. */
function short(x: number, digits: number): string {
  return Number.isNaN(x) ? '-' : x.toFixed(digits).replace(/^(-?)0\./, '$1.')
}

function shortened(name: string, length = COLUMN - 2): string {
  return name.length <= length ? name : `${name.slice(0, length - 1)}…`
}

/** `site-a  train 88 12 64 (164)  test …`: tiles by class, in the study's order. */
export function countLines(
  sites: readonly {
    readonly name: string
    readonly train: readonly number[]
    readonly test: readonly number[]
  }[],
  teacher: readonly number[],
  { classes, teacherClasses }: { classes: readonly string[]; teacherClasses: readonly string[] },
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
    `${'teacher'.padEnd(width)}  train ${list(teacher)}${sameTask(classes, teacherClasses) ? '' : `  of another task: ${teacherClasses.join(', ')}`}`,
  ].join('\n')
}
