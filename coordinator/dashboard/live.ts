/**
 * @file The live view: a snapshot for whoever connects, then numbered changes. Whoever looks at the same study gets the same changes, made once for all of them, at
 * most three times a second and only while somebody looks. Memory: one view for each study that is looked at, and a bounded number of frames for each reader.
 */
import { type Clock, systemClock } from '@tessera/shared/clock'
import type { CoordinatorView, LiveEvents, LiveRequests } from '@tessera/shared/dashboard/coordinator-view'
import { createRateLimit } from '@tessera/shared/web'
import type { Server, Socket } from 'socket.io'
import { differences } from './differences.ts'

/** From a change to what is told of it and of all others since: fast enough for a progress bar, and a thousand rows are compared in some ten milliseconds. */
const TELL_AFTER_MS = 300
/** What changes by time alone: kits that lapse, the coordinator's own clock. */
const LOOK_EVERY_MS = 10_000
/** Frames that may wait for a page that does not read: a minute's changes. */
const MAX_WAITING_FRAMES = 120
/** Pages that look at once, in all: a consortium's operators, some tabs each. */
const MAX_WATCHERS = 200
/** How often a session may ask for a snapshot, over all its pages: of a thousand sites it is half a megabyte. */
const SNAPSHOTS = { burst: 20, perMinute: 60 }

/** Everything as it is now. @param watched A study, whose sites are in it, or null. */
export type ViewNow = (watched: string | null) => Omit<CoordinatorView, 'number'>
type LiveSocket = Socket<LiveRequests, LiveEvents, Record<string, never>, { watched: string | null }>
export type LiveServer = Server<LiveRequests, LiveEvents, Record<string, never>, { watched: string | null }>

export interface Live {
  /** Something has changed. */
  changed(): void
  close(): void
}

export interface LiveOptions {
  readonly viewNow: ViewNow
  /** True for a study that there is. */
  readonly hasStudy: (id: string) => boolean
  /** The session of a connection's cookies, null when there is none: asked at its beginning and then now and then, so that it ends with its session. */
  readonly sessionOf: (cookies: string | undefined) => string | null
  readonly clock?: Clock | undefined
}

/** Serves the live view over `server`, which hands over connections of this server's own pages only. */
export function serveLive(server: LiveServer, options: LiveOptions): Live {
  const { viewNow, hasStudy, sessionOf, clock = systemClock } = options
  /** By study; what each of its readers has got. */
  const views = new Map<string | null, CoordinatorView>()
  const room = (watched: string | null): string => (watched === null ? 'none' : `study ${watched}`)
  const limit = createRateLimit(clock, SNAPSHOTS)

  const tellOne = (watched: string | null, view: CoordinatorView): void => {
    const next = viewNow(watched)
    const change = differences(view, next)
    if (change === null) return
    views.set(watched, { ...next, number: change.number })
    server.to(room(watched)).emit('change', change)
  }
  const tellAll = (): void => {
    for (const [watched, view] of views) {
      if ((server.sockets.adapter.rooms.get(room(watched))?.size ?? 0) === 0) views.delete(watched)
      else tellOne(watched, view)
    }
    for (const socket of server.sockets.sockets.values()) dropIfSlow(socket)
  }
  let cancelTelling: (() => void) | null = null
  /** Later, so that whatever else belongs to the change has happened by then. */
  const tellSoon = (): void => {
    if (views.size === 0) return
    cancelTelling ??= clock.schedule(() => {
      cancelTelling = null
      tellAll()
    }, TELL_AFTER_MS)
  }
  let cancelLook = (): void => undefined
  const look = (): void => {
    for (const socket of server.sockets.sockets.values()) {
      if (sessionOf(socket.handshake.headers.cookie) === null) socket.disconnect(true)
    }
    tellSoon()
    cancelLook = clock.schedule(look, LOOK_EVERY_MS)
  }
  look()

  const show = (socket: LiveSocket, watched: string | null): void => {
    void socket.leave(room(socket.data.watched))
    socket.data.watched = watched
    // The same for all who look at it: they go on from the same number, and this one hears of no change before its snapshot.
    const view = views.get(watched)
    if (view !== undefined) tellOne(watched, view)
    const now = views.get(watched) ?? { ...viewNow(watched), number: 0 }
    views.set(watched, now)
    void socket.join(room(watched))
    socket.emit('snapshot', now)
  }
  server.use((socket, next) => {
    if (sessionOf(socket.handshake.headers.cookie) === null) next(new Error('ERR_SIGN_IN'))
    else if (server.sockets.sockets.size >= MAX_WATCHERS) next(new Error('ERR_SESSIONS_FULL'))
    else next()
  })
  server.on('connection', (socket) => {
    const answer = (watched: string | null): void => {
      const session = sessionOf(socket.handshake.headers.cookie)
      if (session === null || !isWithin(() => limit(session))) socket.disconnect(true)
      else show(socket, watched)
    }
    socket.data.watched = null
    socket.on('watch', (study: unknown) => {
      if (study === null || (typeof study === 'string' && hasStudy(study))) answer(study)
    })
    socket.on('resync', () => answer(socket.data.watched))
    answer(null)
  })

  return {
    changed: tellSoon,
    close() {
      cancelLook()
      cancelTelling?.()
    },
  }
}

function isWithin(limit: () => void): boolean {
  try {
    limit()
    return true
  } catch {
    return false
  }
}

/** A page that does not read gets nothing more: it connects again, and begins with a snapshot. */
function dropIfSlow(socket: LiveSocket): void {
  const { conn } = socket as unknown as { conn: { writeBuffer: { length: number } } }
  if (conn.writeBuffer.length > MAX_WAITING_FRAMES) socket.disconnect(true)
}
