/** @file A study's metrics for people: the cross-site matrix of the study's metric, then all scores of all counts together. */
import type { CountMetric } from '@tessera/shared/metrics'
import type { Withholding } from '@tessera/shared/protocol'
import type { JudgedRound, SiteVerdict, StudyMetrics } from './metrics.ts'

/** Why a cell of the table is empty. */
const WITHHELD: Readonly<Record<Withholding, string>> = {
  policy: 'withheld',
  'few-tiles': 'too few',
  'no-tiles': 'no tiles',
}
const TITLES: Readonly<Record<CountMetric, string>> = {
  accuracy: 'accuracy',
  balancedAccuracy: 'balanced',
  macroF1: 'macro-F1',
  quadraticWeightedKappa: 'kappa',
}
const NOTHING = '·'

/** Lines of the page. Scores in per cent; `*`: a site withholds some classes. */
export function metricsText(metrics: StudyMetrics): string {
  const { study, phase, judging, rounds, best, last, stoppedEarly } = metrics
  const lines = [`study ${study}, ${phase}${stoppedEarly ? ', stopped early' : ''}`]
  if (judging === null) return `${lines[0]}\nits students are not judged\n`
  lines.push(`last student: round ${last.round}, ${last.student.slice(0, 12)}`)
  lines.push(
    best === null
      ? 'best student: no site has told counts yet'
      : `best student: round ${best.round}, ${best.student.slice(0, 12)}, ${TITLES[judging.metric]} ${percent(best.score)}`,
  )
  if (rounds.length === 0) return `${lines.join('\n')}\n`
  const sites = [...new Set(rounds.flatMap(({ sites }) => sites.map(({ site }) => site)))].toSorted()
  const cell = (round: JudgedRound, site: string): string =>
    cellOf(
      round.sites.find((verdict) => verdict.site === site),
      judging.metric,
    )
  lines.push(
    '',
    `${TITLES[judging.metric]} of the student of each round, on part ${judging.part} of each site, %`,
  )
  lines.push(
    ...table([
      ['round', ...sites, 'all'],
      ...rounds.map((round) => [
        String(round.round),
        ...sites.map((site) => cell(round, site)),
        percent(round.pooled?.scores[judging.metric] ?? null),
      ]),
    ]),
  )
  lines.push('', 'all counts together, %')
  const names = Object.keys(TITLES) as CountMetric[]
  lines.push(
    ...table([
      ['round', 'tiles', 'sites', ...names.map((name) => TITLES[name])],
      ...rounds.map(({ round, pooled, sites }) => [
        String(round),
        String(pooled?.tiles ?? 0),
        String(sites.filter(({ counted }) => counted !== null).length),
        ...names.map((name) => percent(pooled?.scores[name] ?? null)),
      ]),
    ]),
  )
  return `${lines.join('\n')}\n`
}

function cellOf(verdict: SiteVerdict | undefined, metric: CountMetric): string {
  if (verdict === undefined) return NOTHING
  const { counted, withheld, suppressed } = verdict
  if (counted === null) return withheld === null ? NOTHING : WITHHELD[withheld]
  return `${percent(counted.scores[metric])}${suppressed.length > 0 ? '*' : ''}`
}

function percent(score: number | null): string {
  return score === null ? NOTHING : (100 * score).toFixed(1)
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => `  ${row.map((text, i) => text.padStart(widths[i] ?? 0)).join('  ')}`)
}
