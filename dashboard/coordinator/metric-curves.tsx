/** @file The study's metric over the rounds: of all counts together, of few sites each, of many sites how far they lie apart. */
import type { JudgingReport } from '@tessera/shared/dashboard/coordinator-api'
import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import { Chart } from '../components/chart.tsx'
import type { Curve } from '../components/chart-options.ts'
import { formatScore } from '../components/format.ts'
import { Panel } from '../components/panel.tsx'
import { useStore } from '../components/store.ts'
import { text } from '../text/en.ts'
import { useDesk } from './desk.ts'

/** Beside the curve of all; more are shown as the least and the greatest of them. */
const MOST_SITES = 6

export function MetricCurves({
  report,
  best,
}: {
  readonly report: JudgingReport
  readonly best: number | null
}): JSX.Element {
  const { theme } = useDesk()
  const shownTheme = useStore(theme.shown)
  const metric = report.judging?.metric ?? 'balancedAccuracy'
  const rounds = useMemo(() => report.rounds.map(({ round }) => round), [report])
  const { curves, band } = useMemo(() => curvesOf(report, metric), [report, metric])
  const texts = text.results
  return (
    <Panel title={text.metrics[metric]} note={texts.metricNote(report.judging?.part ?? '')}>
      <Chart
        label={texts.metricLabel(report.study, text.metrics[metric], rounds.length)}
        xLabel={texts.round}
        xs={rounds}
        curves={curves}
        band={band}
        mark={best === null ? undefined : { x: best, label: texts.bestRound(best) }}
        format={formatScore}
        theme={shownTheme}
        labels={text.chart}
      />
    </Panel>
  )
}

interface Curves {
  readonly curves: readonly Curve[]
  readonly band: readonly [number, number] | undefined
}

function curvesOf({ rounds }: JudgingReport, metric: keyof typeof text.metrics): Curves {
  const pooled: Curve = {
    name: text.results.allTiles,
    values: rounds.map(({ pooled }) => pooled?.[metric] ?? null),
    colour: 0,
    style: 'strong',
  }
  const sites = [...new Set(rounds.flatMap(({ sites }) => Object.keys(sites)))].toSorted()
  if (sites.length <= MOST_SITES) {
    const own = sites.map(
      (site, i): Curve => ({
        name: site,
        values: rounds.map(({ sites }) => sites[site] ?? null),
        colour: i + 1,
        style: i % 2 === 0 ? 'plain' : 'dashed',
      }),
    )
    return { curves: [pooled, ...own], band: undefined }
  }
  const edge = (name: string, pick: (...scores: number[]) => number): Curve => ({
    name,
    values: rounds.map(({ sites }) => {
      const scores = Object.values(sites).filter((score) => score !== null)
      return scores.length === 0 ? null : pick(...scores)
    }),
    colour: 7,
    style: 'edge',
  })
  return {
    curves: [pooled, edge(text.results.bestSite, Math.max), edge(text.results.worstSite, Math.min)],
    band: [1, 2],
  }
}
