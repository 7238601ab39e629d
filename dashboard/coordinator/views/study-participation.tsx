/** @file Who takes part, how much, and what each round took. */
import type { RoundRow } from '@tessera/shared/dashboard/coordinator-api'
import type { MemberRow, StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import { type Column, DataTable } from '../../components/data-table.tsx'
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatScore,
  formatShare,
  formatTime,
  NOTHING,
} from '../../components/format.ts'
import { Panel } from '../../components/panel.tsx'
import { Empty, Failed, Loading } from '../../components/states.tsx'
import { useRequest } from '../../live/use-request.ts'
import { text } from '../../text/en.ts'
import { api } from '../api.ts'
import { links } from '../route.ts'

export interface ParticipationTabProps {
  readonly study: StudyRow
  readonly members: Readonly<Record<string, MemberRow>> | null
}

export function ParticipationTab({ study, members }: ParticipationTabProps): JSX.Element {
  const { study: id, published } = study
  const history = useRequest(id, published, async (signal) => await api.history(id, signal))
  const rows = useMemo(() => Object.values(members ?? {}), [members])
  const rounds = history.value?.rounds ?? []
  return (
    <>
      <Panel title={texts.sites} note={texts.sitesNote} flush>
        {members === null ? (
          <div class="panel-body">
            <Loading label={text.states.loading} />
          </div>
        ) : (
          <DataTable
            label={texts.sites}
            columns={SITE_COLUMNS}
            rows={rows}
            rowKey={({ site }) => site}
            initialOrder={{ column: 'missed', descending: true }}
            empty={<Empty title={text.round.noSites} icon="sites" small />}
          />
        )}
      </Panel>
      <Panel
        title={texts.rounds}
        note={history.value && history.value.every > 1 ? texts.every(history.value.every) : undefined}
        flush
      >
        {history.state === 'failed' && (
          <Failed title={text.states.failed}>
            <p>{history.message}</p>
          </Failed>
        )}
        {history.state === 'loading' && history.value === null ? (
          <div class="panel-body">
            <Loading label={text.states.loading} />
          </div>
        ) : (
          <DataTable
            label={texts.rounds}
            columns={ROUND_COLUMNS}
            rows={rounds}
            rowKey={({ round }) => String(round)}
            initialOrder={{ column: 'round', descending: true }}
            empty={<Empty title={text.results.noRound} small />}
          />
        )}
      </Panel>
    </>
  )
}

const texts = text.participation
const SITE_COLUMNS: readonly Column<MemberRow>[] = [
  {
    key: 'site',
    header: texts.site,
    sort: ({ site }) => site,
    cell: ({ site }) => <a href={links.site(site)}>{site}</a>,
  },
  {
    key: 'missed',
    header: texts.missed,
    width: 130,
    number: true,
    sort: ({ missed }) => missed,
    cell: ({ missed }) => (missed === 0 ? NOTHING : formatCount(missed)),
  },
  lastColumn('round', texts.lastRound, 110, ({ round }) => round, formatCount),
  lastColumn('samples', texts.samples, 110, ({ samples }) => samples, formatCount),
  lastColumn('share', texts.share, 120, ({ share }) => share, formatShare),
  lastColumn(
    'norm',
    texts.norm,
    100,
    ({ norm }) => norm,
    (norm) => formatScore(norm, 2),
  ),
  lastColumn('loss', texts.loss, 90, ({ loss }) => loss, formatScore),
]

function lastColumn(
  key: string,
  header: string,
  width: number,
  of: (last: NonNullable<MemberRow['last']>) => number | null,
  format: (value: number | null) => string,
): Column<MemberRow> {
  const valueOf = ({ last }: MemberRow): number | null => (last === null ? null : of(last))
  return { key, header, width, number: true, sort: valueOf, cell: (row) => format(valueOf(row)) }
}

const ROUND_COLUMNS: readonly Column<RoundRow>[] = [
  {
    key: 'round',
    header: texts.round,
    width: 90,
    sort: ({ round }) => round,
    cell: ({ round }) => formatCount(round),
  },
  {
    key: 'closed',
    header: texts.closed,
    width: 170,
    sort: ({ closedAtMs }) => closedAtMs,
    cell: ({ closedAtMs }) => formatTime(closedAtMs),
  },
  {
    key: 'took',
    header: texts.took,
    width: 110,
    number: true,
    sort: ({ wallMs }) => wallMs,
    cell: ({ wallMs }) => formatDuration(wallMs / 1000),
  },
  {
    key: 'sites',
    header: texts.contributors,
    width: 130,
    number: true,
    sort: ({ contributors }) => contributors,
    cell: ({ contributors, offered }) => texts.of(contributors, offered),
  },
  {
    key: 'attempts',
    header: texts.attempts,
    width: 100,
    number: true,
    sort: ({ attempts }) => attempts,
    cell: ({ attempts }) => formatCount(attempts),
  },
  {
    key: 'samples',
    header: texts.samples,
    width: 110,
    number: true,
    sort: ({ samples }) => samples,
    cell: ({ samples }) => formatCount(samples),
  },
  {
    key: 'loss',
    header: texts.loss,
    width: 90,
    number: true,
    sort: ({ loss }) => loss,
    cell: ({ loss }) => formatScore(loss),
  },
  {
    key: 'norm',
    header: texts.norm,
    width: 100,
    number: true,
    sort: ({ norm }) => norm,
    cell: ({ norm }) => formatScore(norm, 2),
  },
  {
    key: 'bytes',
    header: texts.bytes,
    width: 110,
    number: true,
    sort: ({ bytes }) => bytes,
    cell: ({ bytes }) => formatBytes(bytes),
  },
]
