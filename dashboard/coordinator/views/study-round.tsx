/** @file The running round: where its sites are, and each of them. */
import type { MemberRow, MemberState, StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import { formatDuration, formatScore, formatTime, NOTHING } from '../../components/format.ts'
import { Panel } from '../../components/panel.tsx'
import { ProgressBar } from '../../components/progress-bar.tsx'
import { type Stage, Stages } from '../../components/stages.tsx'
import { StatTiles } from '../../components/stat-tiles.tsx'
import { Empty, Loading } from '../../components/states.tsx'
import { text } from '../../text/en.ts'
import { isOver } from '../findings.ts'
import { MemberTable } from '../member-table.tsx'
import { links } from '../route.ts'
import { MEMBER_STEPS } from '../standing.ts'
import { partsOf } from '../study-progress.ts'

export interface RoundTabProps {
  readonly study: StudyRow
  /** Null: on their way. */
  readonly members: Readonly<Record<string, MemberRow>> | null
  readonly nowMs: number
}

export function RoundTab(props: RoundTabProps): JSX.Element {
  return isOver(props.study) ? <NoMoreRounds study={props.study} /> : <OpenRound {...props} />
}

/** Numbers of a round that is long closed would say nothing. */
function NoMoreRounds({ study }: { readonly study: StudyRow }): JSX.Element {
  const { study: id, phase, published } = study
  const texts = text.round
  const note = texts.overNotes[phase === 'cancelled' || phase === 'halted' ? phase : 'finished']
  return (
    <Empty title={texts.over} icon={phase === 'finished' ? 'check' : 'stop'}>
      <p>{note(published)}</p>
      <a class="button" href={links.study(id, 'results')}>
        {texts.toStudent}
      </a>
    </Empty>
  )
}

function OpenRound({ study, members, nowMs }: RoundTabProps): JSX.Element {
  const { round, attempt, progress, secondsLeft, openedAtMs, deadlineMs, phase, loss, quorum } = study
  const texts = text.round
  const parts = partsOf(study)
  const rows = useMemo(() => Object.values(members ?? {}), [members])
  return (
    <>
      <Panel
        title={texts.title(round)}
        note={attempt > 1 ? texts.attempt(attempt) : undefined}
        actions={<span class="soft">{texts.phases[phase]}</span>}
      >
        <div class="stack">
          <Stages label={texts.stages} stages={stagesOf(study)} />
          {phase === 'collecting' && (
            <ProgressBar
              label={texts.progress}
              share={progress}
              note={secondsLeft === null ? texts.noEstimate : texts.left(formatDuration(secondsLeft))}
            />
          )}
        </div>
      </Panel>
      <StatTiles
        stats={[
          {
            label: texts.accepted,
            value: texts.of(parts.accepted, parts.offered),
            note: texts.quorum(quorum),
          },
          {
            label: texts.open,
            value: openedAtMs === null ? NOTHING : formatDuration((nowMs - openedAtMs) / 1000),
            note: openedAtMs === null ? texts.notOpen : texts.since(formatTime(openedAtMs)),
          },
          {
            label: texts.deadline,
            value: deadlineMs === null ? NOTHING : formatDuration((deadlineMs - nowMs) / 1000),
            note: deadlineMs === null ? undefined : texts.movesOn,
          },
          { label: texts.lastLoss, value: formatScore(loss), note: texts.lastLossNote },
        ]}
      />
      <Panel title={texts.sites} note={texts.sitesNote} flush>
        {members === null ? (
          <div class="panel-body">
            <Loading label={text.states.loading} />
          </div>
        ) : (
          <MemberTable members={rows} />
        )}
      </Panel>
    </>
  )
}

/** Sites at each stage or past it, and the round's own last stage. */
function stagesOf({ counts, phase, published, round }: StudyRow): Stage[] {
  const reached = (from: number): number =>
    MEMBER_STEPS.slice(from).reduce((sum, state) => sum + counts[state], 0)
  const stages = MEMBER_STEPS.map((state: MemberState, i): Stage => {
    const [here, past] = [counts[state], reached(i + 1)]
    const final = state === 'accepted'
    return {
      name: text.members[state],
      count: String(here),
      state: final ? (here > 0 ? 'done' : 'todo') : here > 0 ? 'active' : past > 0 ? 'done' : 'todo',
    }
  })
  const aggregated = phase === 'finished' || published >= round
  return [
    ...stages,
    {
      name: text.round.aggregated,
      count: null,
      state: aggregated ? 'done' : phase === 'closed' ? 'active' : 'todo',
    },
  ]
}
