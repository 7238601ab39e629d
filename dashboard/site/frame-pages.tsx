/** @file The frames that fit what is looked for, the newest first, in pages from the disk. */
import type { FrameRow } from '@tessera/shared/dashboard/site-api'
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { numberColumn } from '../components/columns.ts'
import { type Column, DataTable } from '../components/data-table.tsx'
import { formatBytes, formatCount, formatTime } from '../components/format.ts'
import { Empty, Failed, Loading, Message } from '../components/states.tsx'
import { text } from '../text/site.ts'
import { api, type FrameFilter } from './api.ts'

const texts = text.frames

export interface FramePagesProps {
  readonly filter: FrameFilter
  /** Lines in the log: when it grows, the newest are asked for again, unless older ones are being read. */
  readonly newest: number
}

export function FramePages({ filter, newest }: FramePagesProps): JSX.Element {
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

const COLUMNS: readonly Column<FrameRow>[] = [
  { key: 'seq', header: texts.columns.seq, width: 68, cell: ({ seq }) => formatCount(seq) },
  { key: 'time', header: texts.columns.time, width: 150, cell: ({ time }) => formatTime(Date.parse(time)) },
  { key: 'kind', header: texts.columns.kind, width: 124, cell: ({ kind }) => kind },
  numberColumn('bytes', texts.columns.bytes, 78, ({ bytes }) => bytes, formatBytes),
  numberColumn('round', texts.columns.round, 70, ({ round }) => round, formatCount),
  {
    key: 'tensors',
    header: texts.columns.tensors,
    width: 170,
    cell: ({ tensors }) => tensors && <TensorNames tensors={tensors} />,
  },
  { key: 'why', header: texts.columns.why, cell: ({ why }) => <span title={why}>{why}</span> },
  {
    key: 'receipt',
    header: texts.columns.receipt,
    width: 150,
    cell: ({ receiptAtMs }) => receiptAtMs !== null && formatTime(receiptAtMs),
  },
]

function TensorNames({ tensors }: { readonly tensors: NonNullable<FrameRow['tensors']> }): JSX.Element {
  const { names, more } = tensors
  const all = more > 0 ? [...names, texts.moreTensors(more)].join(', ') : names.join(', ')
  return <code title={all}>{all}</code>
}
