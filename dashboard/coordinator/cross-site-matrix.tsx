/** @file Each judged student at each site: a row a round, a column a site, newest first. */
import type { JudgedStudent, JudgingReport } from '@tessera/shared/dashboard/coordinator-api'
import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import { numberColumn } from '../components/columns.ts'
import { type Column, DataTable } from '../components/data-table.tsx'
import { formatCount, formatScore, NOTHING } from '../components/format.ts'
import { heatClass } from '../components/heat.ts'
import { Panel } from '../components/panel.tsx'
import { text } from '../text/en.ts'
import { siteColumn } from './site-column.tsx'

export interface CrossSiteMatrixProps {
  readonly report: JudgingReport
  readonly student: JudgedStudent
}

/** Of more sites the columns would not be compared by eye any more: then the table of one student has all of them as rows. */
const MOST_COLUMNS = 24

export function CrossSiteMatrix({ report, student }: CrossSiteMatrixProps): JSX.Element {
  const texts = text.results
  const metric = report.judging?.metric ?? 'balancedAccuracy'
  const sites = useMemo(
    () => [...new Set(report.rounds.flatMap(({ sites }) => Object.keys(sites)))].toSorted(),
    [report],
  )
  return (
    <>
      <Panel title={texts.bySite(student.round)} note={texts.bySiteNote} flush>
        <DataTable
          label={texts.bySite(student.round)}
          columns={SITE_COLUMNS}
          rows={student.sites}
          rowKey={({ site }) => site}
          initialOrder={{ column: 'site', descending: false }}
          empty={null}
        />
      </Panel>
      {sites.length <= MOST_COLUMNS && (
        <Panel title={texts.crossSite} note={texts.crossSiteNote(text.metrics[metric])} flush>
          <RoundsBySites report={report} sites={sites} />
        </Panel>
      )}
    </>
  )
}

type RoundOfSites = JudgingReport['rounds'][number]

function RoundsBySites({
  report,
  sites,
}: {
  readonly report: JudgingReport
  readonly sites: readonly string[]
}): JSX.Element {
  const metric = report.judging?.metric ?? 'balancedAccuracy'
  const range = useMemo(() => rangeOf(report), [report])
  const columns = useMemo(
    (): Column<RoundOfSites>[] => [
      {
        key: 'round',
        header: text.results.round,
        width: 110,
        sort: ({ round }) => round,
        cell: ({ round }) =>
          round === report.best?.round ? `${round} ${text.results.bestMark}` : String(round),
      },
      scoreColumn('pooled', text.results.all, ({ pooled }) => pooled?.[metric] ?? null, range),
      ...sites.map((site) => scoreColumn(`site ${site}`, site, ({ sites }) => sites[site] ?? null, range)),
    ],
    [report, sites, metric, range],
  )
  return (
    <DataTable
      label={text.results.crossSite}
      columns={columns}
      rows={report.rounds}
      rowKey={({ round }) => String(round)}
      initialOrder={{ column: 'round', descending: true }}
      empty={null}
    />
  )
}

interface Range {
  readonly low: number
  readonly high: number
}

/** Of all scores: the grounds tell good from bad of this study, which may all be near 0.9. */
function rangeOf({ rounds }: JudgingReport): Range {
  let [low, high] = [1, 0]
  for (const { sites } of rounds) {
    for (const score of Object.values(sites)) {
      if (score === null) continue
      ;[low, high] = [Math.min(low, score), Math.max(high, score)]
    }
  }
  return { low, high }
}

function scoreColumn(
  key: string,
  header: string,
  of: (row: RoundOfSites) => number | null,
  { low, high }: Range,
): Column<RoundOfSites> {
  return numberColumn(key, header, 104, of, (score) =>
    score === null ? (
      NOTHING
    ) : (
      <span class={`score ${heatClass((score - low) / (high - low))}`}>{formatScore(score)}</span>
    ),
  )
}

type SiteVerdict = JudgedStudent['sites'][number]
const texts = text.results
const SITE_COLUMNS: readonly Column<SiteVerdict>[] = [
  siteColumn(texts.site),
  numberColumn('tiles', texts.tiles, 110, ({ tiles }) => tiles, formatCount),
  ...(['balancedAccuracy', 'accuracy', 'macroF1'] as const).map((metric) =>
    numberColumn<SiteVerdict>(
      metric,
      text.metrics[metric],
      160,
      ({ scores }) => scores?.[metric] ?? null,
      formatScore,
    ),
  ),
  {
    key: 'withheld',
    header: texts.withheld,
    cell: ({ withheld, counts }) => {
      if (withheld !== null) return text.withholding[withheld] ?? withheld
      const rows = (counts ?? []).filter((row) => row === null).length
      return rows === 0 ? NOTHING : texts.rowsWithheld(rows)
    },
  },
]
