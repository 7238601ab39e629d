/** @file The fourth question: what is my policy. */
import type { PolicyStanding, RuleInWords } from '@tessera/shared/dashboard/site-view'
import type { ComponentChildren, JSX } from 'preact'
import { Panel } from '../components/panel.tsx'
import { Message } from '../components/states.tsx'
import { StatusBadge, type Tone } from '../components/status-badge.tsx'
import { text } from '../text/site.ts'

const texts = text.policy

const TONES: Readonly<Record<PolicyStanding['file'], Tone>> = {
  'in-force': 'ok',
  signed: 'busy',
  unsigned: 'warn',
  unreadable: 'alarm',
}

export function PolicyBadge({ policy }: { readonly policy: PolicyStanding }): JSX.Element {
  return <StatusBadge tone={TONES[policy.file]}>{texts.states[policy.file]}</StatusBadge>
}

export function PolicyPanel({
  policy,
  actions,
}: {
  readonly policy: PolicyStanding
  readonly actions?: ComponentChildren
}): JSX.Element {
  return (
    <Panel
      title={texts.title}
      note={texts.notes[policy.file]}
      actions={
        <>
          <PolicyBadge policy={policy} />
          {actions}
        </>
      }
    >
      <div class="stack">
        {policy.fault !== '' && (
          <Message tone={policy.file === 'unreadable' ? 'alarm' : 'warn'}>{policy.fault}</Message>
        )}
        {policy.rules.length > 0 && <RuleTable rules={policy.rules} />}
      </div>
    </Panel>
  )
}

export interface RuleTableProps {
  readonly rules: readonly RuleInWords[]
  /** To mark what is otherwise than there. */
  readonly before?: readonly RuleInWords[]
  /** With what each rule does. */
  readonly isExplained?: boolean
}

export function RuleTable({ rules, before, isExplained = false }: RuleTableProps): JSX.Element {
  const was = new Map((before ?? []).map(({ rule, words }) => [rule, words.join('\n')]))
  return (
    <table class="plain-table rules">
      <thead>
        <tr>
          <th scope="col">{texts.rule}</th>
          <th scope="col">{texts.allows}</th>
        </tr>
      </thead>
      <tbody>
        {rules.map(({ rule, name, words }) => {
          const isChanged = was.has(rule) && was.get(rule) !== words.join('\n')
          return (
            <tr key={rule}>
              <th scope="row">
                {name}
                {isChanged && <StatusBadge tone="warn">{texts.changed}</StatusBadge>}
                {isExplained && <p class="soft">{texts.explanations[rule]}</p>}
              </th>
              <td>
                {words.map((line) => (
                  <div key={line}>{line}</div>
                ))}
              </td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}
