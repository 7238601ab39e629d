/** @file The coordinator as a server: Socket.IO on one port, sessions in front of the office. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { type Clock, systemClock } from '@tessera/shared/clock'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import { type Log, silentLog } from '@tessera/shared/log'
import { printable } from '@tessera/shared/printable'
import {
  type coordinatorMessages,
  createParser,
  isLoopback,
  MAX_TRANSPORT_BYTES,
  type siteMessages,
  type WireEvents,
} from '@tessera/shared/protocol'
import { fingerprint } from '@tessera/shared/security'
import { Server as SocketServer } from 'socket.io'
import { loadCoordinator } from './config.ts'
import { createConnections, limitConnections, sessionLimits } from './connections.ts'
import { createDoor } from './door.ts'
import { openOffice } from './office.ts'
import type { StudyProgress } from './running/index.ts'
import { openSession, refuseSession } from './session.ts'
import { openStore } from './store/index.ts'
import { readTls } from './tls/settings.ts'

/** An IPv6 address with a zone has 45 and more; what is longer is none. */
const MAX_ADDRESS_CHARACTERS = 64

export interface CoordinatorOptions {
  readonly dir: string
  /** Default: as in coordinator.json. */
  readonly port?: number | undefined
  readonly host?: string | undefined
  readonly log?: Log | undefined
  readonly clock?: Clock | undefined
  /** Told where a study stands when it has changed, ten times a second at most, for a live screen. Must not throw. */
  readonly onProgress?: ((progress: StudyProgress) => void) | undefined
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
  const { dir, log = silentLog, clock = systemClock, onProgress } = options
  const { config, key, ring } = await loadCoordinator(dir)
  const tls = config.tls && (await readTls(dir, config.tls))
  const { host = config.host, port = config.port } = options
  const store = await openStore(dir)
  if (store.cutBytes > 0)
    log.warn('log.repaired', { bytes: store.cutBytes, reason: 'unacknowledged last line cut off' })

  // Who has not said what he wants within two heartbeats is as dead as who misses one.
  const patience = { headersTimeout: 2 * config.heartbeatMs, connectionsCheckingInterval: config.heartbeatMs }
  const http = tls ? createTlsServer({ ...tls, ...patience }, notFound) : createServer(patience, notFound)
  const office = await openOffice({
    dir,
    store,
    key,
    ring,
    clock,
    log,
    keepRounds: config.keepRounds,
    onProgress,
  }).catch(async (cause: unknown) => {
    await store.close()
    throw cause
  })
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
  const limits = sessionLimits(config, () => office.places())
  limitConnections(http, limits, config.proxy === true)
  const sessions = createConnections(limits)
  const door = createDoor()
  sockets.on('connection', (socket) => {
    const address = clientAddress(socket.handshake, config.proxy === true)
    const sessionLog = log.child({ address })
    try {
      socket.on('disconnect', sessions.enter(address))
      openSession(socket, office, door, clock, sessionLog)
    } catch (thrown) {
      refuseSession(socket, asTesseraError(thrown), sessionLog)
    }
  })

  const close = async (): Promise<void> => {
    // What is being answered ends with its answer, not with a store that is closed below it.
    await door.close()
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
  if (tls === undefined && !config.proxy && !isLoopback(host)) {
    log.warn('coordinator.unencrypted', { reason: 'anyone between can read along: use TLS or a proxy' })
  }
  log.info('coordinator.started', { port: address.port, fingerprint: print, count: office.studies().length })
  return {
    port: address.port,
    url: `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
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

function notFound(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404).end()
}

/** For the log, and for the number of its sessions. A proxy's word is cut short and cleaned: whoever reaches the proxy chooses what it says. */
function clientAddress(
  { address, headers }: { address: string; headers: IncomingMessage['headers'] },
  proxy: boolean,
): string {
  const forwarded = proxy ? String(headers['x-forwarded-for'] ?? '') : ''
  // The last entry is the proxy's own; those before it are whatever the client wrote.
  return printable(forwarded.split(',').at(-1)?.trim() || address, MAX_ADDRESS_CHARACTERS)
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
