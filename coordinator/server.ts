/** @file The coordinator as a server: Socket.IO on one port, sessions in front of the office. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Clock, systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { type Log, silentLog } from '@tessera/shared/log'
import {
  type coordinatorMessages,
  createParser,
  MAX_TRANSPORT_BYTES,
  type siteMessages,
  type WireEvents,
} from '@tessera/shared/protocol'
import { fingerprint } from '@tessera/shared/security'
import { Server } from 'socket.io'
import { loadCoordinator } from './config.ts'
import { openOffice } from './office.ts'
import type { StudyProgress } from './running/index.ts'
import { openSession } from './session.ts'
import { openStore } from './store/index.ts'

export interface CoordinatorOptions {
  readonly dir: string
  /** Default: as in coordinator.json. */
  readonly port?: number | undefined
  readonly host?: string | undefined
  readonly log?: Log | undefined
  readonly clock?: Clock | undefined
  /** Told of every change of a study, for a live screen. Must not throw. */
  readonly onProgress?: ((progress: StudyProgress) => void) | undefined
}

export interface Coordinator {
  readonly port: number
  /** Where it listens, as `http://host:port`. */
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
  const { dir, log = silentLog, clock = systemClock, onProgress = () => undefined } = options
  const { config, key } = await loadCoordinator(dir)
  const { host = config.host, port = config.port } = options
  const store = await openStore(dir)
  if (store.cutBytes > 0)
    log.warn('log.repaired', { bytes: store.cutBytes, reason: 'unacknowledged last line cut off' })

  // Who has not said what he wants within two heartbeats is as dead as who misses one.
  const patience = { headersTimeout: 2 * config.heartbeatMs, connectionsCheckingInterval: config.heartbeatMs }
  const http = createServer(patience, (_request, response) => {
    response.writeHead(404).end()
  })
  const office = await openOffice({ dir, store, key, clock, log, onProgress }).catch(
    async (cause: unknown) => {
      await store.close()
      throw cause
    },
  )
  const sockets = new Server<WireEvents<typeof siteMessages>, WireEvents<typeof coordinatorMessages>>(http, {
    parser: createParser(clock),
    transports: ['websocket', 'polling'],
    maxHttpBufferSize: MAX_TRANSPORT_BYTES,
    pingInterval: config.heartbeatMs,
    pingTimeout: config.heartbeatMs,
    serveClient: false,
    // Weights do not compress, and compressed secrets leak by their length.
    httpCompression: false,
  })
  sockets.on('connection', (socket) => openSession(socket, office, clock, log))

  const close = async (): Promise<void> => {
    await office.stop()
    await sockets.close()
  }
  await listen(http, port, host).catch(async (cause: unknown) => {
    await close()
    const reason = (cause as NodeJS.ErrnoException).code
    throw new TesseraError('ERR_CONFIG_INVALID', `port must be free, got ${reason} for ${host}:${port}`, {
      cause,
    })
  })
  const address = http.address() as AddressInfo
  const print = fingerprint(key.publicKey)
  log.info('coordinator.started', { port: address.port, fingerprint: print, count: office.studies().length })
  return {
    port: address.port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    publicKey: key.publicKey,
    fingerprint: print,
    ended: office.ended,
    progress: () => office.studies().map((run) => run.snapshot()),
    async close() {
      await close()
      log.info('coordinator.stopped')
    },
  }
}

function listen(http: ReturnType<typeof createServer>, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', reject)
    http.listen(port, host, () => {
      http.off('error', reject)
      resolve()
    })
  })
}
