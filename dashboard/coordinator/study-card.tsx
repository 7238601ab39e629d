/** @file A study in short: how far, who, how good. */
import type { StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { FactRow } from '../components/facts.tsx'
import { formatDuration, formatScore } from '../components/format.ts'
import { Panel } from '../components/panel.tsx'
import { ProgressBar } from '../components/progress-bar.tsx'
import { StatusBadge } from '../components/status-badge.tsx'
import { text } from '../text/en.ts'
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
  const { best, loss, deadlineMs, phase, secondsLeft } = study
  const left = phase === 'collecting' ? formatDuration(secondsLeft) : null
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
            [texts.thisRound, texts.parts(partsOf(study))],
            [
              texts.timeLeft,
              left === null
                ? texts.noRound
                : texts.leftBy(left, deadlineMs === null ? null : (deadlineMs - nowMs) / 1000),
            ],
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
