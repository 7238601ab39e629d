/** @file Navigation, the state of the connection to the agent, and the view that the address names. */
import type { SiteView } from '@tessera/shared/dashboard/site-view'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { formatAgo } from '../components/format.ts'
import { Icon, type IconName } from '../components/icon.tsx'
import { Shell } from '../components/shell.tsx'
import { Empty, Loading } from '../components/states.tsx'
import { useStore } from '../components/store.ts'
import { ThemeSwitch } from '../components/theme-switch.tsx'
import { useNow } from '../components/use-now.ts'
import { text } from '../text/site.ts'
import { api } from './api.ts'
import { useDesk } from './desk.ts'
import { linkTo, useRoute, VIEWS, type ViewName } from './route.ts'
import { concernsOf } from './standing.ts'
import { DataView } from './views/data.tsx'
import { FramesView } from './views/frames.tsx'
import { OverviewView } from './views/overview.tsx'
import { PolicyView } from './views/policy.tsx'
import { RoundView } from './views/round.tsx'

const ICONS: Readonly<Record<ViewName, IconName>> = {
  overview: 'overview',
  frames: 'ledger',
  round: 'study',
  data: 'sites',
  policy: 'check',
}

export function Frame({ onSignedOut }: { readonly onSignedOut: () => void }): JSX.Element {
  const { live, theme, notices } = useDesk()
  const { view, link, cutSinceMs } = useStore(live.state)
  const route = useRoute()
  const nowMs = useNow(0)
  useAnnouncedView(route, view !== null)

  const signOut = (): void => {
    api.signOut().then(onSignedOut, (error: Error) => notices.tell('alarm', error.message))
  }
  const concerns = view === null ? [] : concernsOf(view, nowMs)
  const items = VIEWS.map((name) => ({
    href: linkTo(name),
    label: text.nav[name],
    icon: ICONS[name],
    current: route === name,
    alarms: name === 'overview' ? 0 : concerns.filter((concern) => concern.view === name).length,
  }))
  const foot = (
    <>
      <span class={`live tone-${link === 'live' ? 'ok' : 'warn'}`}>{text.link[link]}</span>
      <span class="session">{text.session}</span>
      <span class="foot-buttons">
        <ThemeSwitch theme={theme} label={text.theme.label} names={text.theme.names} />
        <button type="button" class="button button--quiet button--small" onClick={signOut}>
          <Icon name="leave" />
          {text.common.signOut}
        </button>
      </span>
    </>
  )
  const banner =
    link === 'cut' ? (
      <div class="banner tone-warn" role="alert">
        <Icon name="cut" />
        {text.states.cut(formatAgo(cutSinceMs, nowMs))}
      </div>
    ) : null
  return (
    <Shell
      brand={text.brand}
      role={text.nav.role(view?.site.site ?? '')}
      home={linkTo('overview')}
      groups={[{ items }]}
      labels={text.nav}
      banner={banner}
      foot={foot}
    >
      {view === null ? (
        <Loading label={text.states.loading} />
      ) : (
        <View route={route} view={view} nowMs={nowMs} />
      )}
    </Shell>
  )
}

interface ViewProps {
  readonly route: ViewName | null
  readonly view: SiteView
  readonly nowMs: number
}

function View({ route, view, nowMs }: ViewProps): JSX.Element {
  switch (route) {
    case 'overview':
      return <OverviewView view={view} nowMs={nowMs} />
    case 'frames':
      return <FramesView view={view} />
    case 'round':
      return <RoundView view={view} />
    case 'data':
      return <DataView view={view} nowMs={nowMs} />
    case 'policy':
      return <PolicyView view={view} />
    case null:
      return (
        <Empty title={text.states.noView} icon="info">
          <a href={linkTo('overview')}>{text.states.toOverview}</a>
        </Empty>
      )
  }
}

/** Says which view is shown: in the tab's title, and by the focus, which a new view gets at its heading. */
function useAnnouncedView(route: ViewName | null, drawn: boolean): void {
  const first = useRef(true)
  useEffect(() => {
    document.title = text.title(text.nav[route ?? 'unknown'])
    if (!drawn) return
    // The first view is not moved to: its reader begins at the top of the page.
    if (first.current) first.current = false
    else {
      document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true })
      window.scrollTo(0, 0)
    }
  }, [route, drawn])
}
