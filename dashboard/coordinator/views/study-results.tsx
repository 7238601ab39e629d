/** @file How good the students are: curves, classes, confusion, each site, and the export. */
import type { JudgingReport } from '@tessera/shared/dashboard/coordinator-api'
import type { MemberRow, StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { ConfusionMatrix } from '../../components/confusion-matrix.tsx'
import { Panel } from '../../components/panel.tsx'
import { Empty, Failed, Loading } from '../../components/states.tsx'
import { useRequest } from '../../live/use-request.ts'
import { text } from '../../text/en.ts'
import { api } from '../api.ts'
import { ClassTable } from '../class-table.tsx'
import { CrossSiteMatrix } from '../cross-site-matrix.tsx'
import { useDesk } from '../desk.ts'
import { ExportPanel } from '../export-panel.tsx'
import { LossCurves } from '../loss-curves.tsx'
import { MetricCurves } from '../metric-curves.tsx'

export interface ResultsTabProps {
  readonly study: StudyRow
  readonly members: Readonly<Record<string, MemberRow>> | null
}

/** Students that are told of in full. */
const JUDGED = ['best', 'newest'] as const
type Judged = (typeof JUDGED)[number]

export function ResultsTab({ study, members }: ResultsTabProps): JSX.Element {
  const { session } = useDesk()
  const { study: id, judgements, published } = study
  const judged = useRequest(id, judgements, async (signal) => await api.judging(id, signal))
  const [which, setWhich] = useState<Judged>('best')
  const texts = text.results
  const report = judged.value
  const student = report === null ? null : (report[which] ?? report.newest)
  return (
    <>
      <div class="columns columns--wide">
        <LossCurves study={study} members={members} />
        {report !== null && report.judging !== null && report.rounds.length > 0 && (
          <MetricCurves report={report} best={study.best?.round ?? null} />
        )}
      </div>
      {judged.state === 'failed' && (
        <Failed title={text.states.failed}>
          <p>{judged.message}</p>
        </Failed>
      )}
      {report === null && judged.state === 'loading' && <Loading label={text.states.loading} />}
      {report !== null && student === null && (
        <Panel title={texts.classes}>
          <Empty title={report.judging === null ? texts.notJudged : texts.noneYet} icon="study" small>
            <p>{report.judging === null ? texts.notJudgedNote : texts.noneYetNote}</p>
          </Empty>
        </Panel>
      )}
      {report !== null && student !== null && (
        <>
          {report.best !== null && report.best.round !== report.newest?.round && (
            <WhichStudent report={report} which={which} onChoose={setWhich} />
          )}
          <div class="columns columns--wide">
            <Panel title={texts.classes} note={texts.classesNote(student.round)} flush>
              <ClassTable rows={student.perClass} />
            </Panel>
            <Panel title={texts.confusion} note={texts.confusionNote}>
              {student.counts === null ? (
                <Empty title={texts.withheldAll} small />
              ) : (
                <ConfusionMatrix classes={report.classes} counts={student.counts} labels={texts.matrix} />
              )}
            </Panel>
          </div>
          <CrossSiteMatrix report={report} student={student} />
        </>
      )}
      {session.role === 'operator' && published > 0 && <ExportPanel study={study} />}
    </>
  )
}

interface WhichStudentProps {
  readonly report: JudgingReport
  readonly which: Judged
  readonly onChoose: (which: Judged) => void
}

function WhichStudent({ report, which, onChoose }: WhichStudentProps): JSX.Element {
  const texts = text.results
  return (
    <div class="switch" role="group" aria-label={texts.which}>
      {JUDGED.map((name) => (
        <button
          key={name}
          type="button"
          class="button button--small"
          aria-pressed={which === name}
          onClick={() => onChoose(name)}
        >
          {texts.students[name](report[name]?.round ?? null)}
        </button>
      ))}
    </div>
  )
}
