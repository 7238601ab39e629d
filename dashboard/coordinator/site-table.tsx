/** @file All sites, one a row. */
import type { SiteRow } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { numberColumn } from '../components/columns.ts'
import { type Column, DataTable } from '../components/data-table.tsx'
import { formatAgo, formatCount, formatSpeed, NOTHING } from '../components/format.ts'
import { SearchField } from '../components/search-field.tsx'
import { Empty } from '../components/states.tsx'
import { StatusBadge } from '../components/status-badge.tsx'
import { text } from '../text/en.ts'
import { siteColumn } from './site-column.tsx'
import { siteStanding } from './standing.ts'

/** What needs attention first. */
const TONE_ORDER = ['alarm', 'warn', 'busy', 'ok', 'idle']

export function SiteTable({
  sites,
  nowMs,
}: {
  readonly sites: readonly SiteRow[]
  readonly nowMs: number
}): JSX.Element {
  const [search, setSearch] = useState('')
  const [standing, setStanding] = useState('')
  const columns = useMemo(() => columnsAt(nowMs), [nowMs])
  const shown = useMemo(() => {
    const wanted = search.trim().toLowerCase()
    return sites.filter(
      (site) => site.site.includes(wanted) && (standing === '' || siteStanding(site).label === standing),
    )
  }, [sites, search, standing])
  const texts = text.sites
  if (sites.length === 0) {
    return (
      <Empty title={texts.none} icon="sites" small>
        <p>{texts.noneNote}</p>
      </Empty>
    )
  }
  const standings = [...new Set(sites.map((site) => siteStanding(site).label))].toSorted()
  return (
    <>
      <div class="table-tools">
        <SearchField label={texts.search} value={search} onChange={setSearch} />
        <select
          class="input tool-select"
          aria-label={texts.filter}
          value={standing}
          onChange={(event) => setStanding(event.currentTarget.value)}
        >
          <option value="">{texts.all}</option>
          {standings.map((label) => (
            <option key={label} value={label}>
              {label}
            </option>
          ))}
        </select>
        <span class="faint" role="status">
          {texts.shown(shown.length, sites.length)}
        </span>
      </div>
      <DataTable
        label={texts.title}
        columns={columns}
        rows={shown}
        rowKey={({ site }) => site}
        initialOrder={{ column: 'state', descending: false }}
        empty={<Empty title={texts.noMatch} small />}
      />
    </>
  )
}

function columnsAt(nowMs: number): Column<SiteRow>[] {
  const texts = text.sites.columns
  return [
    siteColumn(texts.site),
    {
      key: 'state',
      header: texts.state,
      width: 156,
      sort: (site) => TONE_ORDER.indexOf(siteStanding(site).tone),
      cell: (site) => {
        const { tone, label } = siteStanding(site)
        return <StatusBadge tone={tone}>{label}</StatusBadge>
      },
    },
    {
      key: 'seen',
      header: texts.lastSeen,
      width: 104,
      sort: ({ lastSeenAtMs }) => lastSeenAtMs,
      cell: ({ online, lastSeenAtMs }) => (online.length > 0 ? texts.now : formatAgo(lastSeenAtMs, nowMs)),
    },
    {
      key: 'studies',
      header: texts.studies,
      sort: ({ online }) => online.join(', ') || null,
      cell: ({ online }) => online.join(', ') || NOTHING,
    },
    numberColumn('missed', texts.missed, 140, ({ alarms }) => missedOf(alarms) || null, formatCount),
    numberColumn('speed', texts.speed, 96, ({ imagesPerSecond }) => imagesPerSecond, formatSpeed),
    {
      key: 'version',
      header: texts.version,
      width: 84,
      sort: ({ version }) => version,
      cell: ({ version }) => version ?? NOTHING,
    },
    {
      key: 'engine',
      header: texts.engine,
      width: 110,
      sort: ({ engine }) => engine,
      cell: ({ engine }) => engine ?? NOTHING,
    },
  ]
}

const missedOf = (alarms: SiteRow['alarms']): number => Math.max(0, ...alarms.map(({ rounds }) => rounds))
