/** @file Serves the built coordinator's page with a view that a test gives and changes: the page's real files, policy and socket, and no coordinator behind. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { builtPage } from '@tessera/dashboard/built'
import type { Session } from '@tessera/shared/dashboard/coordinator-api'
import type {
  CoordinatorView,
  LiveEvents,
  LiveRequests,
  ViewChange,
} from '@tessera/shared/dashboard/coordinator-view'
import { silentLog } from '@tessera/shared/log'
import { study } from '@tessera/shared/protocol'
import { createWebApp, listener, readStaticFiles, type StaticFiles, serveStatic } from '@tessera/shared/web'
import { Server } from 'socket.io'
import { z } from 'zod'
import { judgingReport, siteHistory, studyHistory } from './coordinator-view.ts'

export interface PageServer {
  /** Of the page. */
  readonly url: string
  /** Acts that were asked for: `studies/colon/pause {}`. */
  readonly acts: string[]
  /** Sends a change to every page. */
  change(change: ViewChange): void
  /** The next snapshot is of this. */
  show(view: CoordinatorView): void
  /** Ends every connection and takes no new one, until `back`. */
  cut(): void
  back(): void
  readonly close: () => Promise<void>
}

export interface PageServerOptions {
  readonly view: CoordinatorView
  /** Published rounds of the histories; default 6. */
  readonly rounds?: number
  /** Null: nobody is signed in; the link `good` signs in. Default: an operator. */
  readonly session?: Session | null
}

export const OPERATOR: Session = { role: 'operator', name: 'anna', endsAtMs: Date.UTC(2100, 0), oidc: false }

export async function servePage({
  view,
  rounds = 6,
  session = OPERATOR,
}: PageServerOptions): Promise<PageServer> {
  const acts: string[] = []
  let [now, shown, isCut] = [session, view, false]
  const sites = Object.keys(view.sites).length
  const app = createWebApp(silentLog)
  app.use('/dashboard/api/*', async (c, next) => {
    if (now !== null || c.req.path.endsWith('/session')) return await next()
    return c.json({ code: 'ERR_SIGN_IN', message: 'session must be there, got none' }, 401)
  })
  app.get('/dashboard/api/session', (c) =>
    now === null
      ? c.json({ code: 'ERR_SIGN_IN', message: 'session must be there, got none', oidc: false }, 401)
      : c.json(now),
  )
  app.post('/dashboard/api/session', async (c) => {
    const { link } = await c.req.json<{ link: string }>()
    if (link !== 'good')
      return c.json({ code: 'ERR_LINK', message: 'link must be unused, got a used one' }, 401)
    now = OPERATOR
    return c.json(now)
  })
  app.post('/dashboard/api/session/end', (c) => {
    now = null
    return c.json({})
  })
  app.get('/dashboard/api/study-schema', (c) => c.json(z.toJSONSchema(study, { io: 'input' })))
  app.get('/dashboard/api/studies/:id', (c) => c.json(PLAN))
  app.get('/dashboard/api/studies/:id/history', (c) => c.json(studyHistory(rounds, sites)))
  app.get('/dashboard/api/studies/:id/history/:site', (c) => c.json(siteHistory(c.req.param('site'), rounds)))
  app.get('/dashboard/api/studies/:id/judging', (c) => c.json(judgingReport(rounds, Math.min(sites, 40))))
  app.post('/dashboard/api/*', async (c) => {
    const act = c.req.path.slice('/dashboard/api/'.length)
    acts.push(`${act} ${await c.req.text()}`)
    if (act.endsWith('/invite')) return c.json({ file: 'leeds-kit.json', kit: '{}', expiresAtMs: 0 })
    if (act === 'studies')
      return c.json({ study: 'lung', student: '', plan: '', warnings: ['it is a warning'] })
    if (act.endsWith('/export'))
      return c.json({ export: 'x1', round: 6, files: [{ name: 'colon.safetensors', bytes: 16_400_000 }] })
    if (act.endsWith('/cancel'))
      return c.json({ code: 'ERR_STUDY_OVER', message: 'study must be running, got a finished one' }, 409)
    return c.json({})
  })
  app.use(serveStatic(await pageFiles(), '/dashboard/'))

  const http = createServer(listener(app))
  const io = new Server<LiveRequests, LiveEvents>({ path: '/dashboard/live' })
  io.use((_, next) => next(isCut ? new Error('ERR_DRAINING') : undefined))
  io.on('connection', (socket) => {
    socket.emit('snapshot', { ...shown, watched: null, members: {} })
    socket.on('watch', (watched) => socket.emit('snapshot', { ...shown, watched }))
    socket.on('resync', () => socket.emit('snapshot', shown))
  })
  io.attach(http)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/dashboard/`,
    acts,
    change: (change) => void io.emit('change', change),
    show: (next) => {
      shown = next
    },
    cut() {
      isCut = true
      io.disconnectSockets(true)
    },
    back() {
      isCut = false
    },
    close: async () => {
      await io.close()
      http.closeAllConnections()
    },
  }
}

/** Compressed once for all servers of a test file. */
let files: Promise<StaticFiles> | undefined
const pageFiles = (): Promise<StaticFiles> => (files ??= builtPage('coordinator').then(readStaticFiles))

/** As a study is stored, in part. */
const PLAN = {
  id: 'colon',
  seed: 'colon-2026',
  classes: ['benign', 'grade 3', 'grade 4', 'grade 5'],
  tile: { sizePx: 224, stain: 'macenko' },
  student: { name: 'efficientnet-b0', widthMultiplier: 1, initial: 'teacher', dropout: 0.2 },
  teacher: { name: 'efficientnet-b0', sha256: 'b7'.repeat(32), task: 'same', classes: 4, momentum: 'site' },
  method: { name: 'moma', weights: { ce: 1, kl: 1, nce: 1 }, queueSize: 16_384, temperature: 0.15 },
  training: { rounds: 20, epochsPerRound: 1, batchSize: 64, learningRate: 0.05, schedule: 'cosine' },
  federation: {
    minSites: 3,
    quorum: 3,
    graceMs: null,
    late: 'refuse',
    guards: { adaptiveNorm: { factor: 3, rounds: 3 } },
  },
}
