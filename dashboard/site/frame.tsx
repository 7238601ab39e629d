/** @file Navigation, the state of the connection to the agent, and the view that the address names. */
import type { SiteView } from '@tessera/shared/dashboard/site-view'
import type { JSX } from 'preact'
import { CutBanner, FrameFoot } from '../components/frame-foot.tsx'
import type { IconName } from '../components/icon.tsx'
import { Shell } from '../components/shell.tsx'
import { Empty, Loading } from '../components/states.tsx'
import { useStore } from '../components/store.ts'
import { useAnnouncedView } from '../components/use-announced-view.ts'
import { useHash } from '../components/use-hash.ts'
import { useNow } from '../components/use-now.ts'
import { text } from '../text/site.ts'
import { api } from './api.ts'
import { useDesk } from './desk.ts'
import { linkTo, parseRoute, VIEWS, type ViewName } from './route.ts'
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
  const state = useStore(live.state)
  const { view, link } = state
  const route = parseRoute(useHash())
  const nowMs = useNow(0)
  useAnnouncedView(text.title(text.nav[route ?? 'unknown']), route ?? 'unknown', view !== null)

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
  return (
    <Shell
      brand={text.brand}
      role={text.nav.role(view?.site.site ?? '')}
      home={linkTo('overview')}
      groups={[{ items }]}
      labels={text.nav}
      banner={<CutBanner state={state} sentence={text.states.cut} />}
      foot={<FrameFoot link={link} who={text.session} theme={theme} texts={text} onSignOut={signOut} />}
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
