/** @file A coordinator with its dashboard, and a browser that has signed in: cookies and requests by hand. */
import type {
  CoordinatorView,
  LiveEvents,
  LiveRequests,
  ViewChange,
} from '@tessera/shared/dashboard/coordinator-view'
import type { Role } from '@tessera/shared/web'
import { io, type Socket } from 'socket.io-client'
import { expect, onTestFinished } from 'vitest'
import { signInLink } from '../../../coordinator/dashboard/index.ts'
import type { FakeClock } from '../../support/fake-clock.ts'
import { type Mailbox, mailbox } from '../raw-site.ts'

export interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

export interface Browser {
  readonly cookie: string
  get(path: string): Promise<Answer>
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
}

/** A browser without a session, or with a cookie that it was given. */
export function browser(url: string, cookie = ''): Browser {
  const ask = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(`${url}/dashboard/${path}`, { ...init, redirect: 'manual' })
    const text = await response.text()
    return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) }
  }
  const own = { ...(cookie && { cookie }) }
  return {
    cookie,
    get: (path) => ask(path, { headers: own }),
    post: (path, body = {}, headers = {}) =>
      ask(path, {
        method: 'POST',
        headers: { origin: url, 'content-type': 'application/json', ...own, ...headers },
        body: JSON.stringify(body),
      }),
  }
}

/** Signs in with a link, as the command makes it. */
export async function signedIn(
  { url, dir, clock }: { url: string; dir: string; clock: FakeClock },
  role: Role = 'operator',
): Promise<Browser> {
  const link = (await signInLink(dir, { role, name: 'ada' }, clock)).split('=')[1]
  const response = await fetch(`${url}/dashboard/api/session`, {
    method: 'POST',
    headers: { origin: url, 'content-type': 'application/json' },
    body: JSON.stringify({ link }),
  })
  expect(response.status).toBe(200)
  return browser(url, response.headers.get('set-cookie')?.split(';')[0] ?? '')
}

export interface LiveView {
  readonly socket: Socket<LiveEvents, LiveRequests>
  readonly snapshots: Mailbox<CoordinatorView>
  readonly changes: Mailbox<ViewChange>
}

/** Opens the live view; fulfilled with what was said instead when it is refused. */
export async function live(
  url: string,
  headers: Record<string, string>,
  transport: 'websocket' | 'polling' = 'websocket',
): Promise<LiveView | string> {
  const socket: LiveView['socket'] = io(url, {
    path: '/dashboard/live',
    transports: [transport],
    extraHeaders: headers,
    forceNew: true,
    reconnection: false,
  })
  onTestFinished(() => void socket.disconnect())
  const [snapshots, changes] = [mailbox<CoordinatorView>(), mailbox<ViewChange>()]
  socket.on('snapshot', (view) => snapshots.put(view))
  socket.on('change', (change) => changes.put(change))
  return new Promise((resolve) => {
    socket.on('connect', () => resolve({ socket, snapshots, changes }))
    socket.on('connect_error', ({ message }) => resolve(message))
  })
}

/** The same, let in. */
export async function liveOf(url: string, { cookie }: Browser): Promise<LiveView> {
  const view = await live(url, { cookie, origin: url })
  if (typeof view === 'string') throw new Error(`live view was refused: ${view}`)
  return view
}
