/** @file The first view: is all well, and the four questions of whoever answers for this building's data. */
import type { SiteView } from '@tessera/shared/dashboard/site-view'
import type { JSX } from 'preact'
import { Facts } from '../../components/facts.tsx'
import { formatTime } from '../../components/format.ts'
import { Icon } from '../../components/icon.tsx'
import { Panel } from '../../components/panel.tsx'
import { StatusBadge, TONE_ICONS } from '../../components/status-badge.tsx'
import { Verdict } from '../../components/verdict.tsx'
import { text } from '../../text/site.ts'
import { DataPanel } from '../data-panel.tsx'
import { DepartedPanel } from '../departed-panel.tsx'
import { PolicyPanel } from '../policy-panel.tsx'
import { RoundPanel } from '../round-panel.tsx'
import { linkTo } from '../route.ts'
import { type Concern, concernsOf, verdictOf } from '../standing.ts'

export interface OverviewProps {
  readonly view: SiteView
  readonly nowMs: number
}

export function OverviewView({ view, nowMs }: OverviewProps): JSX.Element {
  const concerns = concernsOf(view, nowMs)
  return (
    <>
      <Verdict {...verdictOf(view, concerns)} />
      {concerns.length > 1 && <ConcernList concerns={concerns.slice(1)} />}
      <DepartedPanel departed={view.departed} />
      <div class="questions">
        <RoundPanel view={view} />
        <DataPanel
          data={view.data}
          nowMs={nowMs}
          actions={
            <a class="button button--small" href={linkTo('data')}>
              {text.data.open}
            </a>
          }
        />
        <PolicyPanel
          policy={view.policy}
          actions={
            <a class="button button--small" href={linkTo('policy')}>
              {text.policy.edit}
            </a>
          }
        />
        <ConnectionPanel view={view} />
      </div>
    </>
  )
}

function ConcernList({ concerns }: { readonly concerns: readonly Concern[] }): JSX.Element {
  return (
    <ul class="panel alarm-list">
      {concerns.map(({ tone, title, note, view }) => (
        <li key={title} class={`tone-${tone}`}>
          <Icon name={TONE_ICONS[tone]} />
          <div>
            <strong>{title}</strong>
            <p class="soft">{note}</p>
          </div>
          <a class="button button--small" href={linkTo(view)}>
            {text.nav[view]}
          </a>
        </li>
      ))}
    </ul>
  )
}

const CONNECTION_TONES = { connecting: 'busy', joined: 'ok', lost: 'warn' } as const

function ConnectionPanel({ view: { connection, site } }: { readonly view: SiteView }): JSX.Element {
  const texts = text.connection
  const { state, url, fingerprint, sinceMs, reason } = connection
  return (
    <Panel
      title={texts.title}
      note={texts.note}
      actions={<StatusBadge tone={CONNECTION_TONES[state]}>{texts[state]}</StatusBadge>}
    >
      <Facts
        facts={[
          [texts.address, url],
          [
            texts.fingerprint,
            <span key="fingerprint" class="print">
              {fingerprint}
            </span>,
          ],
          [texts.since, formatTime(sinceMs)],
          ...(reason === null ? [] : [[texts.reason, reason] as const]),
          [text.round.engine, site.engine],
          [text.round.version, site.version],
        ]}
      />
    </Panel>
  )
}
