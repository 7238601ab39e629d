/** @file The study as it was created and signed. */
import type { StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import type { ComponentChildren, JSX } from 'preact'
import { type Fact, Facts } from '../../components/facts.tsx'
import { isValues } from '../../components/form/values.ts'
import { formatCount, formatDuration, formatTime, NOTHING } from '../../components/format.ts'
import { Panel } from '../../components/panel.tsx'
import { Failed, Loading } from '../../components/states.tsx'
import { useRequest } from '../../live/use-request.ts'
import { text } from '../../text/en.ts'
import { labelOf } from '../../text/study-fields.ts'
import { api } from '../api.ts'

export function PlanTab({ study }: { readonly study: StudyRow }): JSX.Element {
  const plan = useRequest(study.study, 0, async (signal) => await api.study(study.study, signal))
  if (plan.state === 'failed') {
    return (
      <Failed title={text.states.failed}>
        <p>{plan.message}</p>
      </Failed>
    )
  }
  if (plan.value === null || !isValues(plan.value)) return <Loading label={text.states.loading} />
  const plain: Fact[] = []
  const groups: [string, Record<string, unknown>][] = []
  for (const [key, value] of Object.entries(plan.value)) {
    if (isValues(value)) groups.push([key, value])
    else plain.push([labelOf(key), shown(value)])
  }
  return (
    <div class="columns">
      <Panel title={text.plan.title} note={text.plan.created(formatTime(study.createdAtMs))}>
        <Facts facts={plain} />
      </Panel>
      {groups.map(([key, values]) => (
        <Panel key={key} title={labelOf(key)}>
          <Facts facts={factsOf(values, key)} />
        </Panel>
      ))}
    </div>
  )
}

/** One line a value; of a part of a part, `Norm guard: Factor`. */
function factsOf(values: Readonly<Record<string, unknown>>, path: string): Fact[] {
  return Object.entries(values).flatMap(([key, value]): Fact[] => {
    const at = `${path}.${key}`
    if (isValues(value)) {
      return factsOf(value, at).map(([name, inner]) => [`${labelOf(at)}: ${name}`, inner])
    }
    if (typeof value === 'number' && key.endsWith('Ms'))
      return [[labelOf(at), `${formatCount(value)} (${formatDuration(value / 1000)})`]]
    return [[labelOf(at), shown(value)]]
  })
}

function shown(value: unknown): ComponentChildren {
  if (value === null || value === undefined) return text.plan.none
  if (Array.isArray(value)) return value.join(', ')
  if (typeof value === 'boolean') return value ? text.plan.yes : text.plan.no
  if (typeof value === 'number') return String(value)
  if (typeof value !== 'string') return NOTHING
  return /^[0-9a-f]{64}$/.test(value) ? <span class="mono">{value}</span> : value
}
