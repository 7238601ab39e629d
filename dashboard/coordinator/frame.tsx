/** @file Navigation, the state of the connection, and the view that the address names. */
import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import { CutBanner, FrameFoot } from '../components/frame-foot.tsx'
import { Shell } from '../components/shell.tsx'
import { Loading } from '../components/states.tsx'
import { useStore } from '../components/store.ts'
import { useAnnouncedView } from '../components/use-announced-view.ts'
import { useHash } from '../components/use-hash.ts'
import { useNow } from '../components/use-now.ts'
import { text } from '../text/en.ts'
import { api } from './api.ts'
import { useDesk } from './desk.ts'
import { findingsOf } from './findings.ts'
import { navigation } from './navigation.ts'
import { links, parseRoute } from './route.ts'
import { ViewOf } from './view-of.tsx'

export function Frame({ onSignedOut }: { readonly onSignedOut: (oidc: boolean) => void }): JSX.Element {
  const { live, session, theme, notices } = useDesk()
  const state = useStore(live.state)
  const route = parseRoute(useHash())
  const { view, link } = state
  const clock = view?.coordinator.nowMs
  // By the coordinator's clock: its times are shown, and this machine's may be wrong.
  const offset = useMemo(() => (clock === undefined ? 0 : clock - Date.now()), [clock])
  const nowMs = useNow(offset)
  const findings = useMemo(() => (view === null ? [] : findingsOf(view, nowMs)), [view, nowMs])
  const name = 'study' in route ? route.study : 'site' in route ? route.site : ''
  const tab = 'tab' in route ? route.tab : ''
  useAnnouncedView(text.title(route.view, name), `${route.view} ${name} ${tab}`, view !== null)

  const signOut = (): void => {
    api.signOut().then(
      () => onSignedOut(session.oidc),
      (error: Error) => notices.tell('alarm', error.message),
    )
  }
  return (
    <Shell
      brand={text.brand}
      role={text.nav.role}
      home={links.overview}
      groups={navigation(route, view, findings, session.role === 'operator')}
      labels={text.nav}
      banner={<CutBanner state={state} sentence={text.states.cut} />}
      foot={
        <FrameFoot
          link={link}
          who={text.session(session.name, session.role)}
          theme={theme}
          texts={text}
          onSignOut={signOut}
        />
      }
    >
      {view === null ? (
        <Loading label={text.states.loading} />
      ) : (
        <ViewOf route={route} view={view} nowMs={nowMs} findings={findings} />
      )}
    </Shell>
  )
}
