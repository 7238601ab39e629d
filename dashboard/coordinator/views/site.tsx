/** @file One site: who it is, how it does in each study, and what can be done about it. */
import type { CoordinatorView, SiteRow } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { Facts } from '../../components/facts.tsx'
import { formatAgo, formatTime, NOTHING, plural } from '../../components/format.ts'
import { Panel } from '../../components/panel.tsx'
import { Empty, Message } from '../../components/states.tsx'
import { StatusBadge } from '../../components/status-badge.tsx'
import { ViewHead } from '../../components/view-head.tsx'
import { text } from '../../text/en.ts'
import { useDesk } from '../desk.ts'
import { inviteQuestion } from '../invite-question.ts'
import { approveQuestion, revokeQuestion, withdrawQuestion } from '../questions.ts'
import { links } from '../route.ts'
import { SiteInStudy } from '../site-in-study.tsx'
import { siteStanding } from '../standing.ts'

export interface SiteViewProps {
  readonly view: CoordinatorView
  readonly site: string
  readonly nowMs: number
}

export function SiteView({ view, site: name, nowMs }: SiteViewProps): JSX.Element {
  const site = view.sites[name]
  const texts = text.site
  const crumb = <a href={links.sites}>{text.nav.sites}</a>
  if (site === undefined) {
    return (
      <>
        <ViewHead title={name} crumb={crumb} />
        <Empty title={texts.unknown(name)} icon="sites">
          <p>{texts.unknownNote}</p>
        </Empty>
      </>
    )
  }
  const { tone, label } = siteStanding(site)
  const { formerKeys, lastSeenAtMs, online, version, engine, imagesPerSecond, alarms } = site
  return (
    <>
      <ViewHead
        title={name}
        crumb={crumb}
        badges={<StatusBadge tone={tone}>{label}</StatusBadge>}
        note={texts.notes[site.state]}
        actions={<SiteActs site={site} />}
      />
      {alarms.map(({ study, rounds }) => (
        <Message key={study} tone="alarm">
          {texts.leftOut(rounds)} <a href={links.study(study, 'participation')}>{study}</a>
        </Message>
      ))}
      <div class="columns">
        <Panel title={texts.identity}>
          <Facts
            facts={[
              [texts.fingerprint, <Fingerprint key="print" site={site} />],
              [texts.formerKeys, formerKeys === 0 ? texts.noFormerKeys : plural(formerKeys, 'key')],
              [texts.state, label],
            ]}
          />
        </Panel>
        <Panel title={texts.agent} note={texts.agentNote}>
          <Facts
            facts={[
              [texts.lastSeen, online.length > 0 ? texts.now : seen(lastSeenAtMs, nowMs)],
              [texts.version, version ?? NOTHING],
              [texts.engine, engine ?? NOTHING],
              [texts.speed, imagesPerSecond === null ? NOTHING : texts.imagesPerSecond(imagesPerSecond)],
            ]}
          />
        </Panel>
      </div>
      <SiteInStudy view={view} site={site} />
    </>
  )
}

/** Of a site that waits for approval it is not shown: it has to be heard by phone, and typed. */
function Fingerprint({ site: { fingerprint, state } }: { readonly site: SiteRow }): JSX.Element {
  if (fingerprint === null) return <>{text.site.noKey}</>
  return state === 'pending' ? <>{text.site.toBeHeard}</> : <span class="print">{fingerprint}</span>
}

function seen(atMs: number | null, nowMs: number): string {
  return atMs === null ? text.site.never : `${formatAgo(atMs, nowMs)} (${formatTime(atMs)})`
}

function SiteActs({ site }: { readonly site: SiteRow }): JSX.Element | null {
  const desk = useDesk()
  if (desk.session.role !== 'operator') return null
  const texts = text.site.acts
  const { state } = site
  return (
    <>
      {state === 'pending' && (
        <button
          type="button"
          class="button button--primary"
          onClick={() => desk.ask(approveQuestion(site, desk))}
        >
          {texts.approve}
        </button>
      )}
      <button type="button" class="button" onClick={() => desk.ask(inviteQuestion(site.site, desk))}>
        {state === 'enrolled' || state === 'pending' ? texts.newKey : texts.inviteAgain}
      </button>
      {state === 'invited' && (
        <button type="button" class="button" onClick={() => desk.ask(withdrawQuestion(site.site, desk))}>
          {texts.withdraw}
        </button>
      )}
      {(state === 'pending' || state === 'enrolled') && (
        <button
          type="button"
          class="button button--danger"
          onClick={() => desk.ask(revokeQuestion(site.site, desk))}
        >
          {texts.revoke}
        </button>
      )}
    </>
  )
}
