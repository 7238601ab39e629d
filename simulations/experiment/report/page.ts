/** @file report.html: one page that needs nothing else. Pure. */
import { METRICS, type MetricName } from '../../runner/scores.ts'
import type { CellRow, ExperimentResults } from '../results.ts'
import { armTitle, type Summary, summaries } from '../summary.ts'
import { barChart, lineChart } from './charts.ts'
import { escaped, percent, table } from './html.ts'
import { STYLE } from './style.ts'

const NAMES = Object.keys(METRICS) as MetricName[]
const TITLES: Readonly<Record<MetricName, string>> = {
  accuracy: 'accuracy',
  macroF1: 'macro-F1',
  quadraticWeightedKappa: 'quadratic kappa',
}

/** The page of a finished experiment. */
export function reportPage(results: ExperimentResults): string {
  const { cells, versions, wallSeconds, experiment } = results
  const { name } = experiment as { name: string }
  const blocks = new Map<string, CellRow[]>()
  for (const cell of cells) {
    const title = `${cell.split}, ${cell.sites} sites`
    blocks.set(title, [...(blocks.get(title) ?? []), cell])
  }
  const told = Object.entries(versions).map(([what, value]) => [escaped(what), escaped(value)])
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(name)}</title><style>${STYLE}</style></head><body>
<h1>${escaped(name)}</h1>
<p>Accuracies in %. After ±: half of the 95 % interval of the mean over seeds (Student’s t); with one seed, there is none.
A site alone counts with the mean over sites. Every student is tested on the test tiles of all sites.</p>
${[...blocks].map(([title, rows]) => block(title, rows, results)).join('\n')}
<h2>How it was made</h2>
${table('Versions', ['', ''], [...told, ['seconds of this run', wallSeconds.toFixed(0)]])}
<details><summary>The experiment, with its defaults</summary><pre>${escaped(JSON.stringify(experiment, null, 2))}</pre></details>
<details><summary>Tiles that each seed dealt out, by class (${results.classes.map(escaped).join(', ')})</summary><pre>${escaped(dealText(results))}</pre></details>
</body></html>
`
}

function block(title: string, cells: readonly CellRow[], { classes }: ExperimentResults): string {
  const arms = summaries(cells)
  const scores = arms.map((arm) => [
    escaped(armTitle(arm)),
    ...NAMES.map((name) => spread(arm.metrics[name])),
    arm.seconds.toFixed(0),
    arm.uploadedBytes === 0 ? '–' : (arm.uploadedBytes / 1e6).toFixed(1),
    String(arm.seeds),
  ])
  const header = ['', ...NAMES.map((name) => TITLES[name]), 'seconds', 'MB sent', 'seeds']
  const of = (arm: Summary): CellRow[] => cells.filter((cell) => armTitle(cell) === armTitle(arm))
  const curves = arms.flatMap((arm) => {
    const values = meanCurve(of(arm).map(({ result }) => result.losses))
    return values.length === 0 ? [] : [{ name: armTitle(arm), values }]
  })
  const bars = arms.map((arm) => ({
    name: armTitle(arm),
    value: arm.metrics.accuracy.mean,
    low: arm.metrics.accuracy.low,
    high: arm.metrics.accuracy.high,
  }))
  return `<h2>${escaped(title)}</h2>
${table('On the test tiles of all sites together', header, scores)}
<div class="charts">${barChart(title, bars)}${lineChart(title, 'training loss', curves)}</div>
${crossSite(arms, of)}
${arms.map((arm) => roundBySite(armTitle(arm), of(arm))).join('\n')}
<details><summary>Confusion matrices, all seeds together</summary>${arms.map((arm) => confusion(armTitle(arm), of(arm), classes)).join('\n')}</details>`
}

/** Accuracy of each arm on each site's test tiles, mean over seeds; sites alone apart. */
function crossSite(arms: readonly Summary[], of: (arm: Summary) => CellRow[]): string {
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

/** Accuracy of the student of each judged round on each site's test tiles, mean over seeds; nothing for an arm whose rounds are not judged. */
function roundBySite(title: string, cells: readonly CellRow[]): string {
  const judged = cells.flatMap(({ result }) => result.federation?.judged ?? [])
  if (judged.length === 0) return ''
  const rounds = [...new Set(judged.map(({ round }) => round))].toSorted((a, b) => a - b)
  const names = [...new Set(judged.flatMap(({ sites }) => sites.map(({ site }) => site)))].toSorted()
  const body = rounds.map((round) => {
    const own = judged.filter((one) => one.round === round)
    const of = (site: string): number =>
      mean(
        own.flatMap(({ sites }) =>
          sites.flatMap((verdict) =>
            verdict.site === site ? (verdict.counted?.scores.accuracy ?? Number.NaN) : [],
          ),
        ),
      )
    const all = mean(own.map(({ pooled }) => pooled?.scores.accuracy ?? Number.NaN))
    return [String(round), ...names.map((name) => heat(of(name))), heat(all)]
  })
  const caption = `${escaped(title)}: accuracy of each round’s student by the site whose tiles are tested`
  return table(caption, ['round', ...names.map(escaped), 'all'], body)
}

function confusion(title: string, cells: readonly CellRow[], classes: readonly string[]): string {
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

function spread({ mean: centre, low, high }: Summary['metrics']['accuracy']): string {
  return Number.isFinite(low)
    ? `${percent(centre)} <span class="low">± ${percent((high - low) / 2)}</span>`
    : percent(centre)
}

const heat = (x: number): string => shaded(percent(x), x)

function shaded(text: string, share: number): string {
  const strength = Number.isFinite(share) ? Math.max(0, Math.min(1, share)) * 0.45 : 0
  return `<span style="background: rgb(var(--heat) / ${strength.toFixed(2)}); display: block; padding: 0 0.4rem">${text}</span>`
}

/** Round by round, over those that have the round. */
function meanCurve(curves: readonly (readonly number[])[]): number[] {
  const length = Math.max(0, ...curves.map((curve) => curve.length))
  return Array.from({ length }, (_, i) => mean(curves.flatMap((curve) => curve[i] ?? [])))
}

function dealText({ deals }: ExperimentResults): string {
  return deals.map((deal) => JSON.stringify(deal)).join('\n')
}

function mean(values: readonly number[]): number {
  const known = values.filter((x) => Number.isFinite(x))
  return known.reduce((sum, x) => sum + x, 0) / known.length
}
