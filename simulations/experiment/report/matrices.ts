/** @file Tables whose cells are coloured by their value: accuracy by site, and confusion. Pure. */
import type { CellRow } from '../results.ts'
import { armTitle, type Summary } from '../summary.ts'
import { escaped, percent, table } from './html.ts'

/** Accuracy of each arm on each site's test tiles, mean over seeds; sites alone apart. */
export function crossSite(arms: readonly Summary[], of: (arm: Summary) => CellRow[]): string {
  const rows = arms.flatMap((arm): [string, CellRow[]][] => {
    const own = of(arm)
    if (arm.kind !== 'alone') return [[armTitle(arm), own]]
    return [...new Set(own.map(({ site }) => site ?? ''))].map((site) => [
      `${site} ${armTitle(arm)}`,
      own.filter((cell) => cell.site === site),
    ])
  })
  const sites = [
    ...new Set(rows.flatMap(([, own]) => own.flatMap(({ scores }) => Object.keys(scores?.sites ?? {})))),
  ]
  const body = rows.map(([title, own]) => [
    escaped(title),
    ...sites.map((site) =>
      heat(mean(own.map(({ scores }) => scores?.sites[site]?.metrics.accuracy.value ?? Number.NaN))),
    ),
  ])
  return table('Accuracy by the site whose tiles are tested', ['', ...sites.map(escaped)], body)
}

/** What was said of tiles of each class, over all seeds. */
export function confusion(title: string, cells: readonly CellRow[], classes: readonly string[]): string {
  const sum = classes.map((_, i) =>
    classes.map((_, j) =>
      cells.reduce((total, { scores }) => total + (scores?.pooled.confusion[i]?.[j] ?? 0), 0),
    ),
  )
  const rows = sum.map((row, i) => {
    const all = row.reduce((total, n) => total + n, 0)
    return [escaped(classes[i] ?? ''), ...row.map((n) => shaded(String(n), n / all))]
  })
  return table(`${escaped(title)}: rows are true, columns predicted`, ['', ...classes.map(escaped)], rows)
}

const heat = (x: number): string => shaded(percent(x), x)

function shaded(text: string, share: number): string {
  const strength = Number.isFinite(share) ? Math.max(0, Math.min(1, share)) * 0.45 : 0
  return `<span style="background: rgb(var(--heat) / ${strength.toFixed(2)}); display: block; padding: 0 0.4rem">${text}</span>`
}

function mean(values: readonly number[]): number {
  const known = values.filter((x) => Number.isFinite(x))
  return known.reduce((sum, x) => sum + x, 0) / known.length
}
