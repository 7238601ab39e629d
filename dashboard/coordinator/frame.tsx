/** @file Navigation, the state of the connection, and the view that the address names. */
import type { CoordinatorView } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { formatAgo } from '../components/format.ts'
import { Icon } from '../components/icon.tsx'
import { type NavGroup, Shell } from '../components/shell.tsx'
import { Loading } from '../components/states.tsx'
import { useStore } from '../components/store.ts'
import { ThemeSwitch } from '../components/theme-switch.tsx'
import { useNow } from '../components/use-now.ts'
import { ViewHead } from '../components/view-head.tsx'
import type { LiveState } from '../live/live-view.ts'
import { text } from '../text/en.ts'
import { api } from './api.ts'
import { useDesk } from './desk.ts'
import { type Finding, findingsOf } from './findings.ts'
import { links, type Route } from './route.ts'
import { useRoute } from './use-route.ts'
import { NewStudyView } from './views/new-study.tsx'
import { OverviewView } from './views/overview.tsx'
import { SiteView } from './views/site.tsx'
import { SitesView } from './views/sites.tsx'
import { StudyView } from './views/study.tsx'

export function Frame({ onSignedOut }: { readonly onSignedOut: () => void }): JSX.Element {
  const { live, session, theme, notices } = useDesk()
  const state = useStore(live.state)
  const route = useRoute()
  const { view, link } = state
  const clock = view?.coordinator.nowMs
  // By the coordinator's clock: its times are shown, and this machine's may be wrong.
  const offset = useMemo(() => (clock === undefined ? 0 : clock - Date.now()), [clock])
  const nowMs = useNow(offset)
  const findings = useMemo(() => (view === null ? [] : findingsOf(view, nowMs)), [view, nowMs])
  useAnnouncedView(route, view !== null)

  const signOut = (): void => {
    api.signOut().then(onSignedOut, (error: Error) => notices.tell('alarm', error.message))
  }
  const foot = (
    <>
      <span class={`live tone-${link === 'live' ? 'ok' : 'warn'}`}>{text.link[link]}</span>
      <span class="session">{text.session(session.name, session.role)}</span>
      <span class="foot-buttons">
        <ThemeSwitch theme={theme} label={text.theme.label} names={text.theme.names} />
        <button type="button" class="button button--quiet button--small" onClick={signOut}>
          <Icon name="leave" />
          <span class="foot-text">{text.common.signOut}</span>
        </button>
      </span>
    </>
  )
  return (
    <Shell
      brand={text.brand}
      role={text.nav.role}
      home={links.overview}
      groups={navigation(route, view, findings, session.role === 'operator')}
      labels={text.nav}
      banner={<CutBanner state={state} />}
      foot={foot}
    >
      {view === null ? (
        <Loading label={text.states.loading} />
      ) : (
        <View route={route} view={view} nowMs={nowMs} findings={findings} />
      )}
    </Shell>
  )
}

function CutBanner({
  state: { link, cutSinceMs },
}: {
  readonly state: LiveState<CoordinatorView>
}): JSX.Element | null {
  const now = useNow(0)
  if (link !== 'cut') return null
  return (
    <div class="banner tone-warn" role="alert">
      <Icon name="cut" />
      {text.states.cut(formatAgo(cutSinceMs, now))}
    </div>
  )
}

interface ViewProps {
  readonly route: Route
  readonly view: CoordinatorView
  readonly nowMs: number
  readonly findings: readonly Finding[]
}

function View({ route, view, nowMs, findings }: ViewProps): JSX.Element {
  switch (route.view) {
    case 'overview':
      return <OverviewView view={view} nowMs={nowMs} findings={findings} />
    case 'sites':
      return <SitesView view={view} nowMs={nowMs} />
    case 'site':
      return <SiteView key={route.site} view={view} site={route.site} nowMs={nowMs} />
    case 'study':
      return <StudyView key={route.study} view={view} study={route.study} tab={route.tab} nowMs={nowMs} />
    case 'new-study':
      return <NewStudyView />
    case 'unknown':
      return (
        <ViewHead title={text.states.noView} note={<a href={links.overview}>{text.states.toOverview}</a>} />
      )
  }
}

function navigation(
  route: Route,
  view: CoordinatorView | null,
  findings: readonly Finding[],
  operator: boolean,
): NavGroup[] {
  const studies = Object.keys(view?.studies ?? {}).toSorted()
  const alarmsOf = (base: string): number =>
    findings.filter(({ href }) => href === base || href.startsWith(`${base}/`)).length
  return [
    {
      items: [
        {
          href: links.overview,
          label: text.nav.overview,
          icon: 'overview',
          current: route.view === 'overview',
        },
        {
          href: links.sites,
          label: text.nav.sites,
          icon: 'sites',
          current: route.view === 'sites' || route.view === 'site',
          alarms: alarmsOf(links.sites),
        },
      ],
    },
    {
      title: text.nav.studies,
      items: [
        ...studies.map((study) => ({
          href: links.study(study),
          label: study,
          icon: 'study' as const,
          current: route.view === 'study' && route.study === study,
          alarms: alarmsOf(links.study(study)),
        })),
        ...(operator
          ? [
              {
                href: links.newStudy,
                label: text.nav.newStudy,
                icon: 'plus' as const,
                current: route.view === 'new-study',
              },
            ]
          : []),
      ],
    },
  ]
}

/** Says which view is shown: in the tab's title, and by the focus, which a new view gets at its heading. */
function useAnnouncedView(route: Route, drawn: boolean): void {
  const name = 'study' in route ? route.study : 'site' in route ? route.site : ''
  const tab = 'tab' in route ? route.tab : ''
  const first = useRef(true)
  useEffect(() => {
    document.title = text.title(route.view, name)
    if (!drawn) return
    // The first view is not moved to: its reader begins at the top of the page.
    if (first.current) first.current = false
    else {
      document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true })
      window.scrollTo(0, 0)
    }
  }, [route.view, name, tab, drawn])
}
