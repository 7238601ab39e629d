/** @file All sites: found, sorted, invited. */
import type { CoordinatorView } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import { Icon } from '../../components/icon.tsx'
import { Panel } from '../../components/panel.tsx'
import { ViewHead } from '../../components/view-head.tsx'
import { text } from '../../text/en.ts'
import { useDesk } from '../desk.ts'
import { inviteQuestion } from '../invite-question.ts'
import { SiteTable } from '../site-table.tsx'

export function SitesView({
  view,
  nowMs,
}: {
  readonly view: CoordinatorView
  readonly nowMs: number
}): JSX.Element {
  const desk = useDesk()
  const sites = useMemo(() => Object.values(view.sites), [view.sites])
  const online = sites.filter((site) => site.online.length > 0).length
  return (
    <>
      <ViewHead
        title={text.sites.title}
        note={text.sites.summary(sites.length, online)}
        actions={
          desk.session.role === 'operator' && (
            <button
              type="button"
              class="button button--primary"
              onClick={() => desk.ask(inviteQuestion(null, desk))}
            >
              <Icon name="plus" />
              {text.sites.invite}
            </button>
          )
        }
      />
      <Panel title={text.sites.list} flush>
        <SiteTable sites={sites} nowMs={nowMs} />
      </Panel>
    </>
  )
}
