/** @file A study in short: how far, who, how good. */
import type { StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { type Fact, FactRow } from '../components/facts.tsx'
import { formatBytes, formatScore, formatTime } from '../components/format.ts'
import { Panel } from '../components/panel.tsx'
import { ProgressBar } from '../components/progress-bar.tsx'
import { StatusBadge } from '../components/status-badge.tsx'
import { text } from '../text/en.ts'
import { isOver } from './findings.ts'
import { links } from './route.ts'
import { studyStanding } from './standing.ts'
import { overallShare, partsOf } from './study-progress.ts'

export function StudyCard({
  study,
  nowMs,
}: {
  readonly study: StudyRow
  readonly nowMs: number
}): JSX.Element {
  const { tone, label } = studyStanding(study)
  const texts = text.study
  const { best, loss } = study
  return (
    <Panel
      title={study.study}
      note={texts.subtitle(study)}
      actions={
        <>
          <StatusBadge tone={tone}>{label}</StatusBadge>
          <a
            class="button button--small"
            href={links.study(study.study)}
            aria-label={texts.openNamed(study.study)}
          >
            {texts.open}
          </a>
        </>
      }
    >
      <div class="stack">
        <ProgressBar
          label={texts.progress(study.study)}
          share={overallShare(study)}
          note={texts.roundOf(study.round, study.rounds)}
        />
        <FactRow
          facts={[
            ...roundFacts(study, nowMs),
            [texts.loss, formatScore(loss)],
            [
              texts.best,
              best === null
                ? texts.notJudged
                : texts.bestOf(
                    best.round,
                    text.metrics[best.metric as 'accuracy'] ?? best.metric,
                    formatScore(best.score),
                  ),
            ],
          ]}
        />
      </div>
    </Panel>
  )
}

/** Of the round while there is one; of a study that is over, when it began and what came. */
function roundFacts(study: StudyRow, nowMs: number): readonly Fact[] {
  const texts = text.study
  const { phase, secondsLeft, deadlineMs, minSites, createdAtMs, bytesUp } = study
  if (isOver(study)) {
    return [
      [texts.created, formatTime(createdAtMs)],
      [texts.received, formatBytes(bytesUp)],
    ]
  }
  const deadlineS = deadlineMs === null ? null : (deadlineMs - nowMs) / 1000
  return [
    [texts.thisRound, texts.parts(partsOf(study))],
    phase === 'collecting'
      ? [texts.timeLeft, texts.leftBy(secondsLeft, deadlineS)]
      : [texts.opens, texts.opensWhen(minSites)],
  ]
}
