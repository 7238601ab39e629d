/** @file The first question: what has left this building. */
import type { Departed, DepartedRound } from '@tessera/shared/dashboard/site-view'
import type { JSX } from 'preact'
import { type Column, DataTable } from '../components/data-table.tsx'
import { formatBytes, formatCount, formatTime } from '../components/format.ts'
import { Icon } from '../components/icon.tsx'
import { Panel } from '../components/panel.tsx'
import { StatTiles } from '../components/stat-tiles.tsx'
import { Empty, Message } from '../components/states.tsx'
import { StatusBadge, type Tone } from '../components/status-badge.tsx'
import { text } from '../text/site.ts'
import { CSV_ADDRESS } from './api.ts'
import { linkTo } from './route.ts'

const texts = text.departed

/** Rounds on the first screen; all are among the frames. */
const ROUNDS_SHOWN = 5

const CHAIN_TONES: Readonly<Record<Departed['chain'], Tone>> = {
  unread: 'idle',
  reading: 'busy',
  whole: 'ok',
  broken: 'alarm',
}

const COLUMNS: readonly Column<DepartedRound>[] = [
  { key: 'round', header: texts.round, width: 80, cell: ({ round }) => formatCount(round) },
  { key: 'study', header: texts.study, cell: ({ study }) => study },
  { key: 'bytes', header: texts.size, width: 100, number: true, cell: ({ bytes }) => formatBytes(bytes) },
  {
    key: 'frames',
    header: texts.frameCount,
    width: 90,
    number: true,
    cell: ({ frames }) => formatCount(frames),
  },
  { key: 'last', header: texts.when, width: 170, cell: ({ lastAtMs }) => formatTime(lastAtMs) },
  {
    key: 'receipt',
    header: texts.receipt,
    width: 190,
    cell: ({ receiptAtMs }) =>
      receiptAtMs === null ? (
        <span class="faint">{texts.noReceipt}</span>
      ) : (
        <StatusBadge tone="ok">{formatTime(receiptAtMs)}</StatusBadge>
      ),
  },
]

export function ChainBadge({ departed }: { readonly departed: Departed }): JSX.Element {
  return <StatusBadge tone={CHAIN_TONES[departed.chain]}>{texts.chains[departed.chain]}</StatusBadge>
}

export function DepartedPanel({ departed }: { readonly departed: Departed }): JSX.Element {
  const { today, limits, lines, bytes, rounds, chain, sentence } = departed
  const received = rounds.filter(({ receiptAtMs }) => receiptAtMs !== null).length
  return (
    <Panel
      title={texts.title}
      note={texts.note}
      actions={
        <>
          <ChainBadge departed={departed} />
          <a class="button button--small" href={CSV_ADDRESS} download="audit.csv">
            <Icon name="download" />
            {texts.csv}
          </a>
          <a class="button button--small" href={linkTo('frames')}>
            {texts.open}
          </a>
        </>
      }
    >
      <div class="stack">
        {chain === 'broken' && (
          <Message tone="alarm">
            {sentence} {texts.brokenAdvice}
          </Message>
        )}
        <StatTiles
          stats={[
            { label: texts.today, value: formatBytes(today.bytes), note: texts.ofLimit(limits.bytes) },
            { label: texts.rounds, value: formatCount(today.rounds), note: texts.ofRounds(limits.rounds) },
            { label: texts.frames, value: formatCount(lines), note: texts.allBytes(bytes) },
            {
              label: texts.receipts,
              value: `${received} / ${rounds.length}`,
              note: texts.receiptsNote,
            },
            { label: texts.images, value: '0', note: texts.imagesNote },
          ]}
        />
        <DataTable
          label={texts.recent}
          columns={COLUMNS}
          rows={rounds.slice(0, ROUNDS_SHOWN)}
          rowKey={({ study, round }) => `${study} ${round}`}
          empty={
            <Empty title={texts.none} icon="ledger" small>
              <p>{texts.noneNote}</p>
            </Empty>
          }
        />
      </div>
    </Panel>
  )
}
