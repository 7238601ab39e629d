/** @file One study: how it is, what can be done, and its parts as tabs. */
import type { CoordinatorView, StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { Icon } from '../../components/icon.tsx'
import { Empty } from '../../components/states.tsx'
import { StatusBadge } from '../../components/status-badge.tsx'
import { Tabs } from '../../components/tabs.tsx'
import { ViewHead } from '../../components/view-head.tsx'
import { text } from '../../text/en.ts'
import type { StudyAct } from '../api.ts'
import { useDesk } from '../desk.ts'
import { isOver } from '../findings.ts'
import { studyQuestion } from '../questions.ts'
import { links, STUDY_TABS, type StudyTab } from '../route.ts'
import { studyStanding } from '../standing.ts'
import { LedgerTab } from './study-ledger.tsx'
import { ParticipationTab } from './study-participation.tsx'
import { PlanTab } from './study-plan.tsx'
import { ResultsTab } from './study-results.tsx'
import { RoundTab } from './study-round.tsx'

export interface StudyViewProps {
  readonly view: CoordinatorView
  readonly study: string
  readonly tab: StudyTab
  readonly nowMs: number
}

export function StudyView({ view, study: id, tab, nowMs }: StudyViewProps): JSX.Element {
  const { live } = useDesk()
  useEffect(() => live.watch(id), [live, id])
  const study = view.studies[id]
  const texts = text.study
  const crumb = <a href={links.overview}>{text.nav.overview}</a>
  if (study === undefined) {
    return (
      <>
        <ViewHead title={id} crumb={crumb} />
        <Empty title={texts.unknown(id)} icon="study">
          <p>{texts.unknownNote}</p>
        </Empty>
      </>
    )
  }
  const { tone, label } = studyStanding(study)
  return (
    <>
      <ViewHead
        title={id}
        crumb={crumb}
        badges={<StatusBadge tone={tone}>{label}</StatusBadge>}
        note={`${texts.roundOf(study.round, study.rounds)} · ${texts.subtitle(study)}`}
        actions={<StudyActs study={study} />}
      />
      <Tabs
        label={texts.tabs}
        current={tab}
        tabs={STUDY_TABS.map((name) => ({ name, label: texts.tabNames[name], href: links.study(id, name) }))}
      />
      <StudyTabContent view={view} study={study} tab={tab} nowMs={nowMs} />
    </>
  )
}

interface TabProps {
  readonly view: CoordinatorView
  readonly study: StudyRow
  readonly tab: StudyTab
  readonly nowMs: number
}

function StudyTabContent({ view, study, tab, nowMs }: TabProps): JSX.Element {
  // Until its own come, the members may be another study's.
  const members = view.watched === study.study ? view.members : null
  switch (tab) {
    case 'round':
      return <RoundTab study={study} members={members} nowMs={nowMs} />
    case 'results':
      return <ResultsTab study={study} members={members} />
    case 'participation':
      return <ParticipationTab study={study} members={members} />
    case 'ledger':
      return <LedgerTab study={study} nowMs={nowMs} />
    case 'plan':
      return <PlanTab study={study} />
  }
}

function StudyActs({ study }: { readonly study: StudyRow }): JSX.Element | null {
  const desk = useDesk()
  if (desk.session.role !== 'operator' || isOver(study)) return null
  const { phase, paused, counts } = study
  const ask = (act: StudyAct) => (): void => desk.ask(studyQuestion(study, act, desk))
  const texts = text.study.acts
  return (
    <>
      {phase === 'collecting' && counts.accepted >= study.quorum && (
        <button type="button" class="button" onClick={ask('close-round')}>
          {texts.closeRound}
        </button>
      )}
      {paused || phase === 'stopped' ? (
        <button type="button" class="button button--primary" onClick={ask('resume')}>
          <Icon name="play" />
          {texts.resume}
        </button>
      ) : (
        <button type="button" class="button" onClick={ask('pause')}>
          <Icon name="pause" />
          {texts.pause}
        </button>
      )}
      <button type="button" class="button button--danger" onClick={ask('cancel')}>
        {texts.cancel}
      </button>
    </>
  )
}
