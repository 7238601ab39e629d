/**
 * @file The site's view, kept up to date by server-sent events: a whole one first, then numbered changes. Every new connection begins with a whole one, so after a
 * gap or a cut the next connection mends it; until then the page says that what it shows is old.
 */
import { applySiteChange, type SiteView, type SiteViewChange } from '@tessera/shared/dashboard/site-view'
import { createStore, type Store } from '../components/store.ts'
import type { LiveState } from '../live/live-view.ts'

/** What is needed of a browser's EventSource. */
export interface Events {
  addEventListener(event: string, listener: (message: { readonly data?: unknown }) => void): void
  /** 2: it will not come back by itself. */
  readonly readyState: number
  close(): void
}

export interface FollowOptions {
  readonly open: () => Events
  readonly now: () => number
  readonly later: (action: () => void, ms: number) => unknown
  /** Told when the server refuses: the session may have ended. */
  readonly onRefused: () => void
}

export interface SiteLive {
  readonly state: Store<LiveState<SiteView>>
  close(): void
}

/** Between two tries: a person who waits for the page sees it come back at once. */
const AGAIN_MS = 2000
const CLOSED = 2

export function followEvents({ open, now, later, onRefused }: FollowOptions): SiteLive {
  const state = createStore<LiveState<SiteView>>({ link: 'connecting', view: null, cutSinceMs: null })
  let events: Events | null = null
  let isClosed = false

  const show = (view: SiteView): void => state.set({ link: 'live', view, cutSinceMs: null })
  const cut = (): void => {
    const { view, cutSinceMs } = state.get()
    if (view !== null) state.set({ link: 'cut', view, cutSinceMs: cutSinceMs ?? now() })
  }
  const again = (): void => {
    events?.close()
    later(() => isClosed || connect(), AGAIN_MS)
  }
  const connect = (): void => {
    const opened = open()
    events = opened
    opened.addEventListener('view', ({ data }) => show(JSON.parse(String(data)) as SiteView))
    opened.addEventListener('change', ({ data }) => {
      const { view } = state.get()
      const next = view && applySiteChange(view, JSON.parse(String(data)) as SiteViewChange)
      if (next) return show(next)
      cut()
      again()
    })
    opened.addEventListener('error', () => {
      cut()
      // A refusal ends it; a cut line is mended by the browser.
      if (opened.readyState !== CLOSED || isClosed) return
      onRefused()
      again()
    })
  }
  connect()
  return {
    state,
    close() {
      isClosed = true
      events?.close()
    },
  }
}
