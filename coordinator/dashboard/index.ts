/** @file The coordinator's dashboard: its page, what the page reads and does, and the live view, on the port that sites use. */
import type { Server as HttpServer } from 'node:http'
import { join } from 'node:path'
import type { Clock } from '@tessera/shared/clock'
import type { Log } from '@tessera/shared/log'
import { TESSERA_VERSION } from '@tessera/shared/protocol'
import {
  assertOwnName,
  assertOwnPage,
  clientAddress,
  ownPagesOnly,
  type WebApp,
  type WebContext,
} from '@tessera/shared/web'
import { Server } from 'socket.io'
import type { CoordinatorConfig } from '../config.ts'
import type { OpenCoordinator } from '../in-process.ts'
import { actsOn } from './acting.ts'
import { addActsOnSites } from './acts-on-sites.ts'
import { addActsOnStudies } from './acts-on-studies.ts'
import { addFiles } from './files.ts'
import { createJobs } from './heavy/run-job.ts'
import { createKeptFolders, type KeptFolders } from './kept-folders.ts'
import { type Live, type LiveServer, serveLive } from './live.ts'
import type { Memory } from './memory.ts'
import { ownPagesOf } from './own-pages.ts'
import { addPage } from './page.ts'
import { addReading } from './reading.ts'
import { addSigningIn } from './signing-in.ts'
import { createVerifications } from './verifications.ts'
import { createViewNow } from './view.ts'

export { createMemory, type Memory } from './memory.ts'
export { signInLink } from './signing-in.ts'

const BASE = '/dashboard/'
/** The page says no more than which study it looks at. */
const MAX_LIVE_BYTES = 16 * 1024
/** From the connection to its first packet, which the page sends at once. */
const CONNECT_WITHIN_MS = 10_000

/** Some operators' forms at once; a job of a large model takes a minute, and who asks waits. */
const MAX_JOBS = 8

export interface DashboardOptions {
  readonly dir: string
  readonly config: CoordinatorConfig
  readonly coordinator: OpenCoordinator
  readonly memory: Memory
  readonly clock: Clock
  readonly log: Log
  /** Gives the folder of the page's files, which may have to be made first. */
  readonly page: () => Promise<string>
}

export interface Dashboard {
  /** Something has changed that the page may show. */
  changed(): void
  /** Serves the live view of a server whose requests the application answers. */
  attach(http: HttpServer): void
  close(): Promise<void>
}

/** Mounts the dashboard on the coordinator's application. */
export async function openDashboard(app: WebApp, options: DashboardOptions): Promise<Dashboard> {
  const { dir, config, coordinator, memory, clock, log } = options
  const own = ownPagesOf(config)
  const addressOf = (c: WebContext): string => {
    const socket = c.env?.incoming?.socket
    return clientAddress(socket?.remoteAddress ?? '', c.env?.incoming?.headers ?? {}, config.proxy === true)
  }
  let live: Live | null = null
  app.use(`${BASE}*`, ownPagesOnly(own))
  app.get('/dashboard', (c) => c.redirect('dashboard/'))
  const api = `${BASE}api/`
  const oidc = config.dashboard?.oidc
  const secret = process.env.TESSERA_OIDC_SECRET || null
  const signing = await addSigningIn(app, BASE, {
    dir,
    fingerprint: coordinator.fingerprint,
    secure: own.secure,
    oidc: oidc === undefined ? null : { settings: oidc, secret, url: config.url },
    clock,
    log,
    addressOf,
  })
  const runs = (): ReturnType<OpenCoordinator['studies']> => coordinator.studies()
  addReading(app, api, { signing, memory, runs })
  const kept = (name: string): Promise<KeptFolders> => createKeptFolders(join(dir, 'dashboard', name), clock)
  const [uploads, exports, kits] = [await kept('uploads'), await kept('exports'), await kept('kits')]
  const jobs = createJobs(MAX_JOBS)
  // On their own: a long ledger takes hours, and nobody's new study should wait for it. One a study, so they have a bound.
  const checks = createJobs(Number.POSITIVE_INFINITY)
  const verifications = createVerifications(dir, checks, clock, () => live?.changed())
  const add = actsOn(app, api, { signing, coordinator, clock, log })
  addActsOnSites(add, dir, kits, clock)
  addActsOnStudies(add, { dir, memory, uploads, exports, jobs, verifications, clock })
  addFiles(app, api, { signing, uploads, exports, clock, log })
  addPage(app, BASE, options.page, log)

  let server: LiveServer | null = null
  return {
    changed: () => live?.changed(),
    attach(http) {
      server = new Server(http, {
        path: `${BASE}live`,
        serveClient: false,
        maxHttpBufferSize: MAX_LIVE_BYTES,
        connectTimeout: CONNECT_WITHIN_MS,
        pingInterval: config.heartbeatMs,
        pingTimeout: config.heartbeatMs,
        httpCompression: false,
        // The sites' server hangs up on what is for neither.
        destroyUpgrade: false,
        allowRequest({ headers: { host, origin } }, allow) {
          try {
            assertOwnName({ host }, own)
            // A browser says where a WebSocket comes from, always; of what it only reads it need not.
            if (origin !== undefined) assertOwnPage({ host, origin }, own)
            allow(null, true)
          } catch {
            allow('ERR_ORIGIN', false)
          }
        },
      })
      live = serveLive(server, {
        viewNow: createViewNow({
          memory,
          runs,
          registry: () => coordinator.registry(),
          verification: (study) => verifications.of(study),
          about: { version: TESSERA_VERSION, url: config.url, fingerprint: coordinator.fingerprint },
          clock,
        }),
        hasStudy: (id) => memory.study(id) !== undefined,
        sessionOf: (cookies) => signing.sessionOf(cookies),
        clock,
      })
    },
    async close() {
      live?.close()
      // Its connections only: what they came in by is closed by who has opened it.
      server?.disconnectSockets(true)
      server?.engine.close()
      await Promise.all([jobs.close(), checks.close()])
      await Promise.all([uploads.close(), exports.close(), kits.close(), signing.close()])
    },
  }
}
