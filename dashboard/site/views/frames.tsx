/** @file Every frame that ever left: sums, the list by what is looked for, and the chain that holds them. */
import type { SiteView } from '@tessera/shared/dashboard/site-view'
import type { JSX } from 'preact'
import { useId, useState } from 'preact/hooks'
import { Icon } from '../../components/icon.tsx'
import { Panel } from '../../components/panel.tsx'
import { Message } from '../../components/states.tsx'
import { ViewHead } from '../../components/view-head.tsx'
import { text } from '../../text/site.ts'
import { CSV_ADDRESS, type FrameFilter } from '../api.ts'
import { ChainBadge } from '../departed-panel.tsx'
import { useDesk } from '../desk.ts'
import { FramePages } from '../frame-pages.tsx'
import { verifyQuestion } from '../questions.tsx'
import { SumTable } from '../sum-table.tsx'

const texts = text.frames

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
