/** @file The coordinator as a server: Socket.IO for sites and HTTP for people on one port, sessions in front of the office. */
import { builtPage } from '@tessera/dashboard/built'
import { systemClock } from '@tessera/shared/clock'
import { type Log, silentLog } from '@tessera/shared/log'
import { isLoopback } from '@tessera/shared/protocol'
import type { WebApp } from '@tessera/shared/web'
import { loadCoordinator } from './config.ts'
import { sessionLimits } from './connections.ts'
import { createMemory, type Dashboard, type Memory, openDashboard } from './dashboard/index.ts'
import { type OpenCoordinator, type OpenOptions, openCoordinator } from './in-process.ts'
import {
  blindObserver,
  createOperation,
  type Observer,
  type Operation,
  observers,
} from './operation/index.ts'
import { takeOffPrefix } from './path-prefix.ts'
import type { StudyProgress } from './running/index.ts'
import { readTls } from './tls/settings.ts'
import { createCoordinatorApp } from './web/app.ts'
import { openPort, type Port } from './web/port.ts'
import { serveSites } from './web/site-sockets.ts'

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
  const { host = config.host, port: number = config.port } = options
  const { heartbeatMs, proxy = false } = config
  let opened: OpenCoordinator | null = null
  const operation = await createOperation({
    dir,
    config,
    clock,
    log,
    certificate: tls?.cert ?? null,
    studies: () => opened?.progress() ?? [],
  })
  const limits = sessionLimits(config, () => opened?.places() ?? 0)
  let port: Port | null = null
  try {
    // Before the store is opened, which may take its time: who asks hears that it is starting.
    const app = bareApp(log, operation)
    port = await openPort({ host, port: number, tls, heartbeatMs, limits, proxy, app })
    const { coordinator, dashboard } = await openBoth(options, loaded, operation, port)
    opened = coordinator
    const sites = serveSites(port.http, {
      coordinator,
      heartbeatMs,
      limits,
      proxy,
      clock,
      log,
      refused: ({ code }) => operation.observer.refused('session', code),
    })
    dashboard.attach(port.http)
    operation.health.opened(() => coordinator.tryStore())
    takeOffPrefix(port.http, config.url)
    if (tls === undefined && !proxy && !isLoopback(host)) {
      log.warn('coordinator.unencrypted', { reason: 'anyone between can read along: use TLS or a proxy' })
    }
    const { publicKey, fingerprint, ended } = coordinator
    log.info('coordinator.started', { port: port.number, fingerprint, count: coordinator.progress().length })
    const { http } = port
    return {
      port: port.number,
      url: port.url,
      publicKey,
      fingerprint,
      ended,
      progress: () => coordinator.progress(),
      async close() {
        operation.health.stopping()
        await dashboard.close()
        await coordinator.close()
        // A reader that never ends must not hold up the end.
        const cancel = clock.schedule(() => http.closeAllConnections(), CLOSE_WITHIN_MS)
        await sites.close()
        cancel()
        await operation.stop()
        log.info('coordinator.stopped')
      },
    }
  } catch (thrown) {
    port?.hangUp()
    await operation.stop()
    throw thrown
  }
}

/** Opens the store, and the dashboard in front of it, which then answers on `port`. */
async function openBoth(
  options: CoordinatorOptions,
  loaded: Awaited<ReturnType<typeof loadCoordinator>>,
  operation: Operation,
  port: Port,
): Promise<{ coordinator: OpenCoordinator; dashboard: Dashboard }> {
  const { dir, log = silentLog, clock = systemClock, page = () => builtPage('coordinator') } = options
  const memory = createMemory()
  let dashboard: Dashboard | null = null
  const changed = (): void => dashboard?.changed()
  const own = [operation.observer, remembering(memory, changed)]
  const coordinator = await openCoordinator(
    {
      ...options,
      observer: observers(options.observer ? [...own, options.observer] : own),
      onEarlier: (event) => memory.note(event),
      onChange: changed,
    },
    loaded,
  )
  try {
    const app = bareApp(log, operation)
    const { config } = loaded
    dashboard = await openDashboard(app, { dir, config, coordinator, memory, page, clock, log })
    port.answerWith(app)
    return { coordinator, dashboard }
  } catch (thrown) {
    await coordinator.close()
    throw thrown
  }
}

/** What answers while the store is opened, and beside the dashboard after that. */
function bareApp(log: Log, operation: Operation): WebApp {
  const app = createCoordinatorApp(log)
  operation.mount(app)
  return app
}

/** Notes each event for the dashboard. */
function remembering(memory: Memory, changed: () => void): Observer {
  return {
    ...blindObserver,
    recorded(event) {
      memory.note(event)
      changed()
    },
  }
}
