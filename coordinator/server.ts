/** @file The coordinator as a server: Socket.IO for sites and HTTP for people on one port, sessions in front of the office. */
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { builtPage } from '@tessera/dashboard/built'
import { systemClock } from '@tessera/shared/clock'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import { silentLog } from '@tessera/shared/log'
import {
  type coordinatorMessages,
  createParser,
  isLoopback,
  MAX_TRANSPORT_BYTES,
  type siteMessages,
  type WireEvents,
} from '@tessera/shared/protocol'
import { clientAddress, listener, type WebApp } from '@tessera/shared/web'
import { Server as SocketServer } from 'socket.io'
import { loadCoordinator } from './config.ts'
import { createConnections, limitConnections, sessionLimits } from './connections.ts'
import { createMemory, type Dashboard, openDashboard } from './dashboard/index.ts'
import { type OpenCoordinator, type OpenOptions, openCoordinator } from './in-process.ts'
import { blindObserver, createOperation, type Observer, observers } from './operation/index.ts'
import { takeOffPrefix } from './path-prefix.ts'
import type { StudyProgress } from './running/index.ts'
import { refuseSession } from './session.ts'
import { readTls } from './tls/settings.ts'
import { createCoordinatorApp } from './web/app.ts'

/** For answers that are under way when the coordinator is stopped. */
const CLOSE_WITHIN_MS = 5000

export interface CoordinatorOptions extends OpenOptions {
  /** Default: as in coordinator.json. */
  readonly port?: number | undefined
  readonly host?: string | undefined
  /** Gives the folder of the dashboard's page, built if need be. Default: the workspace's own. */
  readonly page?: (() => Promise<string>) | undefined
}

export interface Coordinator {
  readonly port: number
  /** Where it listens, as `http://host:port`, or `https:`. */
  readonly url: string
  readonly publicKey: string
  readonly fingerprint: string
  /** Fulfilled when every study is finished; rejected with the reason when one can never be. Pending while there is no study. */
  readonly ended: Promise<void>
  /** Where each study stands now. */
  progress(): StudyProgress[]
  /** Ends all sessions and leaves the store in order. Rounds go on at the next start. */
  close(): Promise<void>
}

/**
 * Starts a coordinator that {@link import('./config.ts').initCoordinator} made.
 * @throws {TesseraError} ERR_CONFIG_INVALID if there is none or if the port is taken; ERR_STORE_LOCKED if another process runs it; ERR_KEY_FILE;
 * and what opening the store throws.
 */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { dir, log = silentLog, clock = systemClock } = options
  const loaded = await loadCoordinator(dir)
  const { config } = loaded
  const tls = config.tls && (await readTls(dir, config.tls))
  let dashboard: Dashboard | null = null
  const { host = config.host, port = config.port } = options
  // Who has not said what he wants within two heartbeats is as dead as who misses one.
  const patience = { headersTimeout: 2 * config.heartbeatMs, connectionsCheckingInterval: config.heartbeatMs }
  let opened: OpenCoordinator | null = null
  const operation = await createOperation({
    dir,
    config,
    clock,
    log,
    certificate: tls?.cert ?? null,
    studies: () => opened?.progress() ?? [],
  })
  const bare = (): WebApp => {
    const app = createCoordinatorApp(log)
    operation.mount(app)
    return app
  }
  let pages = listener(bare())
  const answer: RequestListener = (request, response) => void pages(request, response)
  const http = tls ? createTlsServer({ ...tls, ...patience }, answer) : createServer(patience, answer)
  const limits = sessionLimits(config, () => opened?.places() ?? 0)
  limitConnections(http, limits, config.proxy === true)
  // Before the store is opened, which may take its time: who asks hears that it is starting.
  await listen(http, port, host).catch(async (cause: unknown) => {
    await operation.stop()
    const reason = (cause as NodeJS.ErrnoException).code
    throw new TesseraError('ERR_CONFIG_INVALID', `port must be free, got ${reason} for ${host}:${port}`, {
      cause,
    })
  })
  const hangUp = async (): Promise<void> => {
    http.close()
    http.closeAllConnections()
    await operation.stop()
  }
  const memory = createMemory()
  const remembering: Observer = {
    ...blindObserver,
    recorded(event) {
      memory.note(event)
      dashboard?.changed()
    },
  }
  const coordinator = await openCoordinator(
    {
      ...options,
      observer: observers([operation.observer, remembering, ...(options.observer ? [options.observer] : [])]),
      onEarlier: (event) => memory.note(event),
      onChange: () => dashboard?.changed(),
    },
    loaded,
  ).catch(async (cause: unknown) => {
    await hangUp()
    throw cause
  })
  opened = coordinator
  const app = bare()
  const { page = () => builtPage('coordinator') } = options
  dashboard = await openDashboard(app, { dir, config, coordinator, memory, page, clock, log }).catch(
    async (cause: unknown) => {
      await coordinator.close()
      await hangUp()
      throw cause
    },
  )
  pages = listener(app)
  const sockets = new SocketServer<WireEvents<typeof siteMessages>, WireEvents<typeof coordinatorMessages>>(
    http,
    {
      parser: createParser(clock),
      transports: ['websocket', 'polling'],
      maxHttpBufferSize: MAX_TRANSPORT_BYTES,
      pingInterval: config.heartbeatMs,
      pingTimeout: config.heartbeatMs,
      serveClient: false,
      // Weights do not compress, and compressed secrets leak by their length.
      httpCompression: false,
    },
  )
  dashboard.attach(http)
  const sessions = createConnections(limits)
  sockets.on('connection', (socket) => {
    const { address: from, headers } = socket.handshake
    const address = clientAddress(from, headers, config.proxy === true)
    const sessionLog = log.child({ address })
    try {
      socket.on('disconnect', sessions.enter(address))
      coordinator.serve(socket, sessionLog)
    } catch (thrown) {
      const error = asTesseraError(thrown)
      operation.observer.refused('session', error.code)
      refuseSession(socket, error, sessionLog)
    }
  })

  operation.health.opened(() => coordinator.tryStore())
  takeOffPrefix(http, config.url)

  const address = http.address() as AddressInfo
  if (tls === undefined && !config.proxy && !isLoopback(host)) {
    log.warn('coordinator.unencrypted', { reason: 'anyone between can read along: use TLS or a proxy' })
  }
  const { publicKey, fingerprint, ended } = coordinator
  log.info('coordinator.started', { port: address.port, fingerprint, count: coordinator.progress().length })
  return {
    port: address.port,
    url: `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    publicKey,
    fingerprint,
    ended,
    progress: () => coordinator.progress(),
    async close() {
      operation.health.stopping()
      await dashboard?.close()
      await coordinator.close()
      // A reader that never ends must not hold up the end.
      const cancel = clock.schedule(() => http.closeAllConnections(), CLOSE_WITHIN_MS)
      await sockets.close()
      cancel()
      await operation.stop()
      log.info('coordinator.stopped')
    },
  }
}

function listen(http: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', reject)
    http.listen(port, host, () => {
      http.off('error', reject)
      resolve()
    })
  })
}
