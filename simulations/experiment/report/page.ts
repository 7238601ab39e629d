/** @file report.html: one page that needs nothing else. Pure. */
import { METRICS, type MetricName } from '../../runner/scores.ts'
import { type Contrast, probability } from '../contrasts.ts'
import type { Examples } from '../examples.ts'
import type { CellRow, ExperimentResults } from '../results.ts'
import { armTitle, inPoints, type Summary, summaries } from '../summary.ts'
import { barChart } from './bar-chart.ts'
import { curves } from './curves.ts'
import { exampleTiles } from './example-tiles.ts'
import { escaped, percent, table } from './html.ts'
import { confusion, crossSite, roundBySite } from './matrices.ts'
import { STYLE } from './style.ts'

const NAMES = Object.keys(METRICS) as MetricName[]
const TITLES: Readonly<Record<MetricName, string>> = {
  accuracy: 'accuracy',
  macroF1: 'macro-F1',
  quadraticWeightedKappa: 'quadratic kappa',
}

/** The page of a finished experiment: the same results, the same bytes. @param examples Of painted tiles, a split each. */
export function reportPage(results: ExperimentResults, examples: readonly Examples[] = []): string {
  const { cells, versions, wallSeconds, experiment } = results
  const { name } = experiment as { name: string }
  const blocks = new Map<string, CellRow[]>()
  for (const cell of cells) blocks.set(titleOf(cell), [...(blocks.get(titleOf(cell)) ?? []), cell])
  const examplesBy = new Map(examples.map((example) => [titleOf(example), example]))
  const told = Object.entries(versions).map(([what, value]) => [escaped(what), escaped(value)])
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escaped(name)}</title><style>${STYLE}</style></head><body>
<h1>${escaped(name)}</h1>
<p>Accuracies in %. After ±: half of the 95 % interval of the mean over seeds (Student’s t); with one seed, there is none.
A site alone counts with the mean over sites. Every student is tested on the test tiles of all sites. A band around a line
reaches from the lowest seed to the highest.</p>
${[...blocks].map(([title, rows]) => block(title, rows, results, examplesBy.get(title))).join('\n')}
<h2>How it was made</h2>
${table('Versions', ['', ''], [...told, ['seconds of this run', wallSeconds.toFixed(0)]])}
<details><summary>The experiment, with its defaults</summary><pre>${escaped(JSON.stringify(experiment, null, 2))}</pre></details>
<details><summary>Tiles that each seed dealt out, by class (${results.classes.map(escaped).join(', ')})</summary><pre>${escaped(dealText(results))}</pre></details>
</body></html>
`
}

const titleOf = ({ split, sites }: Pick<CellRow, 'split' | 'sites'>): string => `${split}, ${sites} sites`

function block(
  title: string,
  cells: readonly CellRow[],
  { classes, contrasts }: ExperimentResults,
  examples: Examples | undefined,
): string {
  const arms = summaries(cells)
  const scores = arms.map((arm) => [
    escaped(armTitle(arm)),
    ...NAMES.map((name) => spread(arm.metrics[name])),
    arm.seconds.toFixed(0),
    arm.uploadedBytes === 0 ? '–' : (arm.uploadedBytes / 1e6).toFixed(1),
    String(arm.seeds.length),
  ])
  const header = ['', ...NAMES.map((name) => TITLES[name]), 'seconds', 'MB sent', 'seeds']
  const of = (arm: Summary): CellRow[] => cells.filter((cell) => armTitle(cell) === armTitle(arm))
  const bars = arms.map((arm) => ({
    name: armTitle(arm),
    value: arm.metrics.accuracy.mean,
    low: arm.metrics.accuracy.low,
    high: arm.metrics.accuracy.high,
  }))
  return `<h2>${escaped(title)}</h2>
${table('On the test tiles of all sites together', header, scores)}
${against(contrasts.filter((one) => titleOf(one) === title))}
<div class="charts">${barChart('Accuracy in %', bars)}${curves(arms, of)}</div>
${crossSite(arms, of)}
${arms.map((arm) => roundBySite(armTitle(arm), of(arm))).join('\n')}
${examples === undefined ? '' : exampleTiles(examples, classes)}
<details><summary>Confusion matrices, all seeds together</summary>${arms.map((arm) => confusion(armTitle(arm), of(arm), classes)).join('\n')}</details>`
}

function against(found: readonly Contrast[]): string {
  const [first] = found
  if (first === undefined) return ''
  const rows = found.map((one) => [
    escaped(one.arm),
    inPoints({ ...one, mean: one.difference }),
    probability(one.p),
    probability(one.adjustedP),
    String(one.seeds),
  ])
  const caption = `Accuracy against ${escaped(first.reference)}, on the same seeds (paired t)`
  return table(caption, ['', 'points', 'p', 'p among these (Holm)', 'seeds'], rows)
}

function spread({ mean: centre, low, high }: Summary['metrics']['accuracy']): string {
  return Number.isFinite(low)
    ? `${percent(centre)} <span class="low">± ${percent((high - low) / 2)}</span>`
    : percent(centre)
}

function dealText({ deals }: ExperimentResults): string {
  return deals.map((deal) => JSON.stringify(deal)).join('\n')
}
