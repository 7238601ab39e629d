/** @file Every frame that ever left, the newest first, in pages from the disk. */
import type { FrameRow } from '@tessera/shared/dashboard/site-api'
import type { SiteView, Sum } from '@tessera/shared/dashboard/site-view'
import type { JSX } from 'preact'
import { useEffect, useId, useState } from 'preact/hooks'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { formatBytes, formatCount, formatTime } from '../../components/format.ts'
import { Icon } from '../../components/icon.tsx'
import { Panel } from '../../components/panel.tsx'
import { Empty, Failed, Loading, Message } from '../../components/states.tsx'
import { ViewHead } from '../../components/view-head.tsx'
import { text } from '../../text/site.ts'
import { api, CSV_ADDRESS, type FrameFilter } from '../api.ts'
import { ChainBadge } from '../departed-panel.tsx'
import { useDesk } from '../desk.ts'
import { verifyQuestion } from '../questions.tsx'

const texts = text.frames

const COLUMNS: readonly Column<FrameRow>[] = [
  { key: 'seq', header: texts.columns.seq, width: 90, cell: ({ seq }) => formatCount(seq) },
  { key: 'time', header: texts.columns.time, width: 165, cell: ({ time }) => formatTime(Date.parse(time)) },
  { key: 'kind', header: texts.columns.kind, width: 130, cell: ({ kind }) => kind },
  {
    key: 'bytes',
    header: texts.columns.bytes,
    width: 90,
    number: true,
    cell: ({ bytes }) => formatBytes(bytes),
  },
  {
    key: 'round',
    header: texts.columns.round,
    width: 75,
    number: true,
    cell: ({ round }) => formatCount(round),
  },
  {
    key: 'tensors',
    header: texts.columns.tensors,
    width: 240,
    cell: ({ tensors }) => tensors && <TensorNames tensors={tensors} />,
  },
  { key: 'why', header: texts.columns.why, width: 300, cell: ({ why }) => <span title={why}>{why}</span> },
  {
    key: 'receipt',
    header: texts.columns.receipt,
    width: 165,
    cell: ({ receiptAtMs }) => receiptAtMs !== null && formatTime(receiptAtMs),
  },
]

function TensorNames({ tensors }: { readonly tensors: NonNullable<FrameRow['tensors']> }): JSX.Element {
  const { names, more } = tensors
  const all = more > 0 ? [...names, texts.moreTensors(more)].join(', ') : names.join(', ')
  return <code title={all}>{all}</code>
}

export function FramesView({ view }: { readonly view: SiteView }): JSX.Element {
  const { ask, notices } = useDesk()
  const { departed } = view
  const [filter, setFilter] = useState<FrameFilter>({ study: '', kind: '', day: '' })
  return (
    <>
      <ViewHead
        title={texts.title}
        badges={<ChainBadge departed={departed} />}
        note={texts.note}
        actions={
          <>
            <a class="button" href={CSV_ADDRESS} download="audit.csv">
              <Icon name="download" />
              {text.departed.csv}
            </a>
            <button type="button" class="button" onClick={() => ask(verifyQuestion({ notices }))}>
              {text.departed.verify}
            </button>
          </>
        }
      />
      {departed.chain === 'broken' && (
        <Message tone="alarm">
          {departed.sentence} {text.departed.brokenAdvice}
        </Message>
      )}
      <Panel title={texts.sums}>
        <div class="sums">
          <SumTable title={texts.byStudy} sums={departed.studies} />
          <SumTable title={texts.byKind} sums={departed.kinds} />
          <SumTable title={texts.byDay(departed.timeZone)} sums={departed.days} />
        </div>
      </Panel>
      <Panel title={texts.listTitle} flush>
        <div class="table-tools">
          <Choice
            label={texts.study}
            value={filter.study}
            names={departed.studies.map(({ name }) => name)}
            onChange={(study) => setFilter({ ...filter, study })}
          />
          <Choice
            label={texts.kind}
            value={filter.kind}
            names={departed.kinds.map(({ name }) => name)}
            onChange={(kind) => setFilter({ ...filter, kind })}
          />
          <Choice
            label={texts.day}
            value={filter.day}
            names={departed.days.map(({ name }) => name)}
            onChange={(day) => setFilter({ ...filter, day })}
          />
        </div>
        <FramePages key={JSON.stringify(filter)} filter={filter} newest={departed.lines} />
      </Panel>
      <p class="soft hashes">
        {texts.head}: <code>{departed.head}</code> {texts.headNote}
      </p>
    </>
  )
}

interface FramePagesProps {
  readonly filter: FrameFilter
  /** Lines in the log: when it grows, the newest are asked for again, unless older ones are being read. */
  readonly newest: number
}

function FramePages({ filter, newest }: FramePagesProps): JSX.Element {
  const [frames, setFrames] = useState<readonly FrameRow[] | null>(null)
  const [next, setNext] = useState<number | null>(null)
  const [isFurther, setFurther] = useState(false)
  const [failure, setFailure] = useState<string | null>(null)
  const ask = async (before: number | null, signal: AbortSignal): Promise<void> => {
    try {
      const page = await api.frames(filter, before, signal)
      setFrames((held) => (before === null ? page.frames : [...(held ?? []), ...page.frames]))
      setNext(page.next)
      setFailure(null)
    } catch (error) {
      if (!signal.aborted) setFailure(error instanceof Error ? error.message : String(error))
    }
  }
  useEffect(() => {
    if (isFurther) return undefined
    const end = new AbortController()
    void ask(null, end.signal)
    return () => end.abort()
  }, [newest, isFurther])

  if (frames === null) {
    return failure === null ? (
      <Loading label={text.states.loading} />
    ) : (
      <Failed title={text.states.failed}>
        <p>{failure}</p>
      </Failed>
    )
  }
  const older = (): void => {
    setFurther(true)
    void ask(next, new AbortController().signal)
  }
  return (
    <>
      {failure !== null && <Message tone="alarm">{failure}</Message>}
      <DataTable
        label={texts.title}
        columns={COLUMNS}
        rows={frames}
        rowKey={({ seq }) => String(seq)}
        empty={<Empty title={texts.none} icon="ledger" small />}
      />
      <div class="table-tools">
        <span class="soft">{texts.shown(frames.length)}</span>
        {next === null ? (
          <span class="soft">{texts.end}</span>
        ) : (
          <button type="button" class="button button--small" onClick={older}>
            {texts.more}
          </button>
        )}
      </div>
    </>
  )
}

interface ChoiceProps {
  readonly label: string
  readonly value: string
  readonly names: readonly string[]
  readonly onChange: (value: string) => void
}

function Choice({ label, value, names, onChange }: ChoiceProps): JSX.Element {
  const id = useId()
  return (
    <div class="choice">
      <label for={id}>{label}</label>
      <select id={id} class="input" value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">{texts.any}</option>
        {names
          .filter((name) => name !== '')
          .map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
      </select>
    </div>
  )
}

function SumTable({ title, sums }: { readonly title: string; readonly sums: readonly Sum[] }): JSX.Element {
  return (
    // A region that scrolls must be reachable by keyboard, or its far end is not.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div role="region" aria-label={title} tabIndex={0}>
      <table class="plain-table">
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">{texts.name}</th>
            <th scope="col" class="number">
              {text.departed.frameCount}
            </th>
            <th scope="col" class="number">
              {text.departed.size}
            </th>
          </tr>
        </thead>
        <tbody>
          {sums.map(({ name, frames, bytes }) => (
            <tr key={name}>
              <th scope="row">{name || texts.noStudy}</th>
              <td class="number">{formatCount(frames)}</td>
              <td class="number">{formatBytes(bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
