/** @file The ledger: its head, and whether each published student follows from what the sites have signed. */
import type { StudyRow, Verification } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { Facts } from '../../components/facts.tsx'
import { formatAgo, formatBytes, formatCount } from '../../components/format.ts'
import { Panel } from '../../components/panel.tsx'
import { ProgressBar } from '../../components/progress-bar.tsx'
import { Empty, Message } from '../../components/states.tsx'
import { text } from '../../text/en.ts'
import { useDesk } from '../desk.ts'
import { studyQuestion } from '../questions.ts'

export function LedgerTab({
  study,
  nowMs,
}: {
  readonly study: StudyRow
  readonly nowMs: number
}): JSX.Element {
  const desk = useDesk()
  const { published, head, student, verification, bytesUp } = study
  const texts = text.ledger
  const running = verification?.state === 'running'
  return (
    <>
      <Panel
        title={texts.verify}
        note={texts.verifyNote}
        actions={
          desk.session.role === 'operator' &&
          published > 0 && (
            <button
              type="button"
              class="button button--primary"
              disabled={running}
              onClick={() => desk.ask(studyQuestion(study, 'verify', desk))}
            >
              {texts.button}
            </button>
          )
        }
      >
        {published === 0 ? (
          <Empty title={texts.nothing} icon="ledger" small>
            <p>{texts.nothingNote}</p>
          </Empty>
        ) : (
          <Answer verification={verification} nowMs={nowMs} />
        )}
      </Panel>
      <Panel title={texts.head} note={texts.headNote}>
        <Facts
          facts={[
            [texts.rounds, formatCount(published)],
            [texts.record, <Hash key="record" value={head} />],
            [texts.student, <Hash key="student" value={student} />],
            [texts.bytes, formatBytes(bytesUp)],
          ]}
        />
      </Panel>
    </>
  )
}

function Hash({ value }: { readonly value: string }): JSX.Element {
  return value === '' ? <span class="faint">{text.ledger.none}</span> : <span class="mono">{value}</span>
}

function Answer({
  verification,
  nowMs,
}: {
  readonly verification: Verification | null
  readonly nowMs: number
}): JSX.Element {
  const texts = text.ledger
  if (verification === null) {
    return (
      <Empty title={texts.never} icon="ledger" small>
        <p>{texts.neverNote}</p>
      </Empty>
    )
  }
  const { state, round, rounds, sentence, atMs } = verification
  if (state === 'running') {
    return (
      <ProgressBar
        label={texts.running}
        share={rounds === 0 ? null : round / rounds}
        note={texts.runningNote(round, rounds)}
      />
    )
  }
  return (
    <Message tone={state === 'holds' ? 'ok' : 'alarm'}>
      <strong>{texts.answers[state]}</strong>
      <p>{sentence}</p>
      <p>{formatAgo(atMs, nowMs)}</p>
    </Message>
  )
}
