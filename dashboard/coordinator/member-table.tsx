/** @file The sites of a study's running round, one a row: the round as a timeline. */
import type { MemberRow } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { numberColumn } from '../components/columns.ts'
import { type Column, DataTable } from '../components/data-table.tsx'
import { formatBytes, formatDuration, formatScore, formatSpeed, NOTHING } from '../components/format.ts'
import { SearchField } from '../components/search-field.tsx'
import { StageTrack } from '../components/stages.tsx'
import { Empty } from '../components/states.tsx'
import { StatusBadge } from '../components/status-badge.tsx'
import { text } from '../text/en.ts'
import { siteColumn } from './site-column.tsx'
import { MEMBER_STEPS, memberStanding } from './standing.ts'

/** So many are found by eye. */
const SEARCH_FROM = 12

export function MemberTable({ members }: { readonly members: readonly MemberRow[] }): JSX.Element {
  const [search, setSearch] = useState('')
  const shown = useMemo(
    () => members.filter(({ site }) => site.includes(search.trim().toLowerCase())),
    [members, search],
  )
  return (
    <>
      {members.length >= SEARCH_FROM && (
        <div class="table-tools">
          <SearchField label={text.sites.search} value={search} onChange={setSearch} />
          <span class="faint" role="status">
            {text.sites.shown(shown.length, members.length)}
          </span>
        </div>
      )}
      <DataTable
        label={text.round.sites}
        columns={COLUMNS}
        rows={shown}
        rowKey={({ site }) => site}
        initialOrder={{ column: 'state', descending: false }}
        empty={
          <Empty title={text.round.noSites} icon="sites" small>
            <p>{text.round.noSitesNote}</p>
          </Empty>
        }
      />
    </>
  )
}

/** Who is behind comes first: that is who is waited for. */
const ORDER = ['missed', 'declined', ...MEMBER_STEPS, 'idle'] as const

const texts = text.round.columns
const COLUMNS: readonly Column<MemberRow>[] = [
  siteColumn(texts.site),
  {
    key: 'state',
    header: texts.state,
    width: 196,
    sort: ({ state }) => ORDER.indexOf(state),
    cell: ({ state, online }) => {
      const { tone, label } = memberStanding(state)
      return (
        <>
          <StatusBadge tone={tone}>{label}</StatusBadge>
          {!online && <span class="faint"> {texts.away}</span>}
        </>
      )
    },
  },
  {
    key: 'track',
    header: texts.way,
    width: 200,
    sort: (member) => wayOf(member),
    cell: (member) => <Track member={member} />,
  },
  { key: 'detail', header: texts.detail, cell: (member) => detailOf(member) },
  numberColumn(
    'left',
    texts.left,
    100,
    ({ state, secondsLeft }) => (state === 'training' ? secondsLeft : null),
    formatDuration,
  ),
  numberColumn('loss', texts.loss, 90, ({ loss }) => loss, formatScore),
  numberColumn('speed', texts.speed, 110, ({ imagesPerSecond }) => imagesPerSecond, formatSpeed),
]

/** How far the state itself is, from 0 to 1; null where it cannot be told. */
function shareOf({ state, step, steps, bytesUp, bytesTotal }: MemberRow): number | null {
  if (state === 'training') return steps > 0 ? step / steps : 0
  if (state === 'uploading') return bytesTotal > 0 ? bytesUp / bytesTotal : 0
  return state === 'fetching' || state === 'offered' ? 0.5 : null
}

function wayOf(member: MemberRow): number {
  const at = MEMBER_STEPS.indexOf(member.state)
  return at === -1 ? -1 : at + (shareOf(member) ?? 0)
}

function Track({ member }: { readonly member: MemberRow }): JSX.Element {
  const { state, sinceMs } = member
  const { label } = memberStanding(state)
  // Of one that has dropped out: as far as it had come.
  const reached = MEMBER_STEPS.findLastIndex((step) => sinceMs[step] !== undefined)
  const failed = state === 'declined' || state === 'missed'
  const done =
    state === 'accepted' ? MEMBER_STEPS.length : failed ? Math.max(0, reached) : MEMBER_STEPS.indexOf(state)
  const share = shareOf(member)
  const told = state === 'training' || state === 'uploading'
  const percent = share === null || !told ? '' : ` ${Math.round(100 * share)} %`
  return (
    <StageTrack
      label={`${label}${percent}`}
      steps={MEMBER_STEPS.length}
      done={done}
      share={share}
      failed={failed}
    />
  )
}

function detailOf({ state, step, steps, bytesDown, bytesUp, bytesTotal, code, last }: MemberRow): string {
  switch (state) {
    case 'training':
      return texts.step(step, steps)
    case 'fetching':
      return texts.fetched(formatBytes(bytesDown))
    case 'uploading':
    case 'late':
      return texts.uploaded(formatBytes(bytesUp), formatBytes(bytesTotal))
    case 'accepted':
      return texts.received(formatBytes(bytesTotal))
    case 'declined':
    case 'missed':
      return code === null ? NOTHING : (text.codes[code] ?? code)
    case 'offered':
      return texts.notBegun
    case 'idle':
      return last === null ? texts.neverIn : texts.lastIn(last.round)
  }
}
