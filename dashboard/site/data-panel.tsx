/** @file The third question: is my data healthy. */
import type { DataHealth, Remark } from '@tessera/shared/dashboard/site-view'
import type { ComponentChildren, JSX } from 'preact'
import { FactRow } from '../components/facts.tsx'
import { formatAgo, formatCount } from '../components/format.ts'
import { Panel } from '../components/panel.tsx'
import { ProgressBar } from '../components/progress-bar.tsx'
import { Empty, Message } from '../components/states.tsx'
import { StatusBadge, type Tone } from '../components/status-badge.tsx'
import { text } from '../text/site.ts'
import { api } from './api.ts'
import { useDesk } from './desk.ts'

const texts = text.data

export interface DataPanelProps {
  readonly data: DataHealth
  readonly nowMs: number
  /** Beside the button. */
  readonly actions?: ComponentChildren
}

export function DataPanel({ data, nowMs, actions }: DataPanelProps): JSX.Element {
  const { state, done, total, atMs, tiles, classes, fault } = data
  const { tone, label } = dataStanding(data)
  return (
    <Panel
      title={texts.title}
      note={texts.note}
      actions={
        <>
          <StatusBadge tone={tone}>{label}</StatusBadge>
          <CheckButton isChecking={state === 'checking'} />
          {actions}
        </>
      }
    >
      <div class="stack">
        {fault !== null && <Message tone="alarm">{fault.message}</Message>}
        {state === 'checking' && (
          <ProgressBar
            label={texts.states.checking}
            share={total === 0 ? null : done / total}
            note={total === 0 ? texts.counting : texts.progress(done, total)}
          />
        )}
        {atMs === null ? (
          state !== 'checking' && (
            <Empty title={texts.unread} icon="clock" small>
              <p>{texts.unreadNote}</p>
            </Empty>
          )
        ) : (
          <FactRow
            facts={[
              [texts.tiles, formatCount(tiles)],
              ...classes.map(
                ({ name, train, val, test }) => [name, formatCount(train + val + test)] as const,
              ),
              [texts.at, `${texts.states[state]}, ${formatAgo(atMs, nowMs)}`],
            ]}
          />
        )}
      </div>
    </Panel>
  )
}

function CheckButton({ isChecking }: { readonly isChecking: boolean }): JSX.Element {
  const { notices } = useDesk()
  const run = (): void => {
    if (isChecking) return
    // It changes nothing and sends nothing: it is not asked for twice.
    api.check().then(
      () => notices.tell('ok', text.acts.check.done),
      (error: Error) => notices.tell('alarm', error.message),
    )
  }
  return (
    <button type="button" class="button button--small" aria-disabled={isChecking} onClick={run}>
      {texts.run}
    </button>
  )
}

export function dataStanding({ state, fault, remarks }: DataHealth): {
  readonly tone: Tone
  readonly label: string
} {
  if (state === 'checking') return { tone: 'busy', label: texts.states.checking }
  if (fault !== null) return { tone: 'alarm', label: texts.refused }
  if (state === 'unread') return { tone: 'idle', label: texts.states.unread }
  if (remarks.length === 0) return { tone: 'ok', label: texts.well }
  const isSerious = remarks.some(({ remark }) => SERIOUS.has(remark))
  return { tone: isSerious ? 'warn' : 'ok', label: texts.remarks(remarks.length) }
}

/** What makes scores too good, or the site blind for a class; the others are in every large set. */
const SERIOUS: ReadonlySet<Remark> = new Set<Remark>([
  'contradiction',
  'missing-class',
  'leak-patient',
  'leak-slide',
  'leak-group',
  'leak-duplicate',
  'leak-near-duplicate',
])
