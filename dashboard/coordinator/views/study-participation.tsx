/** @file Who takes part, how much, and what each round took. */
import type { RoundRow } from '@tessera/shared/dashboard/coordinator-api'
import type { MemberRow, StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import { numberColumn } from '../../components/columns.ts'
import { type Column, DataTable } from '../../components/data-table.tsx'
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatNorm,
  formatScore,
  formatShare,
  formatTime,
} from '../../components/format.ts'
import { Panel } from '../../components/panel.tsx'
import { Empty, Failed, Loading } from '../../components/states.tsx'
import { useRequest } from '../../live/use-request.ts'
import { text } from '../../text/en.ts'
import { api } from '../api.ts'
import { siteColumn } from '../site-column.tsx'

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
  siteColumn(texts.site),
  numberColumn('missed', texts.missed, 140, ({ missed }) => missed || null, formatCount),
  ofLast('round', texts.lastRound, 110, ({ round }) => round, formatCount),
  ofLast('samples', texts.samples, 110, ({ samples }) => samples, formatCount),
  ofLast('share', texts.share, 120, ({ share }) => share, formatShare),
  ofLast('norm', texts.norm, 100, ({ norm }) => norm, formatNorm),
  ofLast('loss', texts.loss, 90, ({ loss }) => loss, formatScore),
]

function ofLast(
  key: string,
  header: string,
  width: number,
  of: (last: NonNullable<MemberRow['last']>) => number | null,
  format: (value: number | null) => string,
): Column<MemberRow> {
  return numberColumn(key, header, width, ({ last }) => (last === null ? null : of(last)), format)
}

const ROUND_COLUMNS: readonly Column<RoundRow>[] = [
  {
    key: 'round',
    header: texts.round,
    width: 84,
    sort: ({ round }) => round,
    cell: ({ round }) => formatCount(round),
  },
  {
    key: 'closed',
    header: texts.closed,
    width: 164,
    sort: ({ closedAtMs }) => closedAtMs,
    cell: ({ closedAtMs }) => formatTime(closedAtMs),
  },
  numberColumn('took', texts.took, 96, ({ wallMs }) => wallMs / 1000, formatDuration),
  {
    key: 'sites',
    header: texts.contributors,
    width: 110,
    number: true,
    sort: ({ contributors }) => contributors,
    cell: ({ contributors, offered }) => texts.of(contributors, offered),
  },
  numberColumn('attempts', texts.attempts, 100, ({ attempts }) => attempts, formatCount),
  numberColumn('samples', texts.samples, 100, ({ samples }) => samples, formatCount),
  numberColumn('loss', texts.loss, 84, ({ loss }) => loss, formatScore),
  numberColumn('norm', texts.norm, 84, ({ norm }) => norm, formatNorm),
  numberColumn('bytes', texts.bytes, 104, ({ bytes }) => bytes, formatBytes),
]
