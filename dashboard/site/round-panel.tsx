/** @file The second question: what is training now, and what a person may do about it. */
import type { RoundAtWork, SiteView } from '@tessera/shared/dashboard/site-view'
import type { JSX } from 'preact'
import { FactRow } from '../components/facts.tsx'
import { formatDuration, formatScore, formatSpeed } from '../components/format.ts'
import { Icon } from '../components/icon.tsx'
import { Panel } from '../components/panel.tsx'
import { ProgressBar } from '../components/progress-bar.tsx'
import { Empty, Message } from '../components/states.tsx'
import { StatusBadge } from '../components/status-badge.tsx'
import { text } from '../text/site.ts'
import { api } from './api.ts'
import { useDesk } from './desk.ts'
import { approveQuestion, leaveQuestion, pauseQuestion } from './questions.tsx'
import { agentStanding, isOver, reasonOf } from './standing.ts'

const texts = text.round

export function RoundPanel({ view }: { readonly view: SiteView }): JSX.Element {
  const { agent, round, site } = view
  const { tone, label } = agentStanding(view)
  const reason = reasonOf(view)
  return (
    <Panel
      title={texts.title}
      note={round === null ? site.study : `${site.study}, ${texts.round(round.round, round.rounds)}`}
      actions={
        <>
          <StatusBadge tone={tone}>{label}</StatusBadge>
          <RoundActs view={view} />
        </>
      }
    >
      <div class="stack">
        {agent.toApprove !== null && <ApprovalWaits round={agent.toApprove} />}
        {reason !== '' && agent.toApprove === null && <Message tone="warn">{reason}</Message>}
        {round === null ? (
          <Empty title={texts.none} icon="clock" small>
            <p>{texts.noneNote}</p>
          </Empty>
        ) : (
          <Progress round={round} agent={agent.state} />
        )}
      </div>
    </Panel>
  )
}

function RoundActs({ view }: { readonly view: SiteView }): JSX.Element | null {
  const { ask, notices } = useDesk()
  if (isOver(view)) return null
  const isPaused = view.agent.pausedSinceMs !== null
  return (
    <>
      <button
        type="button"
        class={`button button--small${isPaused ? ' button--primary' : ''}`}
        onClick={() => ask(pauseQuestion(isPaused, { notices }))}
      >
        <Icon name={isPaused ? 'play' : 'pause'} />
        {isPaused ? text.acts.resume.button : text.acts.pause.button}
      </button>
      <button
        type="button"
        class="button button--small"
        onClick={() => ask(leaveQuestion(view.site.study, { notices }))}
      >
        <Icon name="leave" />
        {text.acts.leave.button}
      </button>
    </>
  )
}

function ApprovalWaits({ round }: { readonly round: number }): JSX.Element {
  const { ask, notices } = useDesk()
  const open = (): void => {
    api.leaving(new AbortController().signal).then(
      (leaving) => ask(approveQuestion(leaving, { notices })),
      (error: Error) => notices.tell('alarm', error.message),
    )
  }
  return (
    <Message tone="warn">
      <div class="stack">
        <p>{text.verdict.approve(round)}</p>
        <div class="actions">
          <button type="button" class="button button--primary" onClick={open}>
            {text.acts.approve.button}
          </button>
        </div>
      </div>
    </Message>
  )
}

function Progress({
  round,
  agent,
}: {
  readonly round: RoundAtWork
  readonly agent: SiteView['agent']['state']
}): JSX.Element {
  const { step, steps, bytesDone, bytesTotal, loss, parts, imagesPerSecond, secondsLeft } = round
  const moving =
    agent === 'uploading'
      ? { share: bytesDone / bytesTotal, note: texts.sent(bytesDone, bytesTotal) }
      : agent === 'fetching' && bytesTotal > 0
        ? { share: bytesDone / bytesTotal, note: texts.fetched(bytesDone, bytesTotal) }
        : { share: steps === 0 ? 0 : step / steps, note: texts.step(step, steps) }
  return (
    <>
      <ProgressBar label={texts.progress} share={moving.share} note={moving.note} />
      <FactRow
        facts={[
          [texts.left, agent === 'training' ? formatDuration(secondsLeft) : formatDuration(null)],
          [texts.speed, formatSpeed(imagesPerSecond)],
          [texts.loss, formatScore(loss)],
          ...PARTS.flatMap((part) =>
            parts[part] === null ? [] : [[texts.parts[part], formatScore(parts[part])] as const],
          ),
        ]}
      />
    </>
  )
}

const PARTS = ['ce', 'kl', 'nce'] as const
