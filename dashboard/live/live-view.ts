/**
 * @file A view that is kept up to date over a socket: a whole one first, then numbered changes. After a gap, a cut or a restart of the other end the
 * whole is asked for again, and until it comes the page says that what it shows is old.
 */
import { createStore, type Store } from '../components/store.ts'

/** What is needed of a Socket.IO socket. */
export interface LiveSocket<View, Change> {
  on(event: 'connect', listener: () => void): unknown
  on(event: 'disconnect', listener: (reason: string) => void): unknown
  on(event: 'connect_error', listener: (error: Error) => void): unknown
  on(event: 'snapshot', listener: (view: View) => void): unknown
  on(event: 'change', listener: (change: Change) => void): unknown
  emit(event: 'watch', what: string | null): unknown
  emit(event: 'resync'): unknown
  connect(): unknown
  disconnect(): unknown
}

export interface LiveState<View> {
  /** `connecting`: nothing was ever shown; `cut`: what is shown is old. */
  readonly link: 'connecting' | 'live' | 'cut'
  readonly view: View | null
  /** By this machine's clock. */
  readonly cutSinceMs: number | null
}

export interface LiveViewOptions<View, Change> {
  readonly socket: LiveSocket<View, Change>
  /** The next view; null when changes between were missed. */
  readonly apply: (view: View, change: Change) => View | null
  readonly now: () => number
  readonly later: (action: () => void, ms: number) => unknown
  /** Told when a connection does not come about: the session may have ended. */
  readonly onRefused: () => void
}

export interface LiveView<View> {
  readonly state: Store<LiveState<View>>
  /** What is to be seen in detail; said again after each cut. */
  watch(what: string | null): void
  close(): void
}

/** After the other end has closed the connection by itself; Socket.IO leaves it to us to come back. */
const AGAIN_MS = 2000

export function followLive<View, Change>(options: LiveViewOptions<View, Change>): LiveView<View> {
  const { socket, apply, now, later, onRefused } = options
  const state = createStore<LiveState<View>>({ link: 'connecting', view: null, cutSinceMs: null })
  let watched: string | null = null
  let asked = false
  let closed = false

  const cut = (): void => {
    const { view, cutSinceMs } = state.get()
    asked = false
    if (view !== null) state.set({ link: 'cut', view, cutSinceMs: cutSinceMs ?? now() })
  }
  socket.on('connect', () => {
    // Nothing is watched on a new connection.
    if (watched !== null) socket.emit('watch', watched)
  })
  socket.on('snapshot', (view) => {
    asked = false
    state.set({ link: 'live', view, cutSinceMs: null })
  })
  socket.on('change', (change) => {
    const { link, view } = state.get()
    // Of before the snapshot that was asked for: that has it.
    if (asked || view === null || link !== 'live') return
    const next = apply(view, change)
    if (next !== null) return state.set({ link: 'live', view: next, cutSinceMs: null })
    asked = true
    socket.emit('resync')
  })
  socket.on('disconnect', (reason) => {
    cut()
    if (reason === 'io server disconnect' && !closed) later(() => closed || socket.connect(), AGAIN_MS)
  })
  socket.on('connect_error', () => {
    cut()
    onRefused()
  })
  return {
    state,
    watch(what) {
      if (what === watched) return
      watched = what
      socket.emit('watch', what)
    },
    close() {
      closed = true
      socket.disconnect()
    },
  }
}
