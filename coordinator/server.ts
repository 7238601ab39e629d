/** @file The coordinator as a server: Socket.IO on one port, sessions in front of the office. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { systemClock } from '@tessera/shared/clock'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import { silentLog } from '@tessera/shared/log'
import { printable } from '@tessera/shared/printable'
import {
  type coordinatorMessages,
  createParser,
  isLoopback,
  MAX_TRANSPORT_BYTES,
  type siteMessages,
  type WireEvents,
} from '@tessera/shared/protocol'
import { Server as SocketServer } from 'socket.io'
import { loadCoordinator } from './config.ts'
import { createConnections, limitConnections, sessionLimits } from './connections.ts'
import { type OpenOptions, openCoordinator } from './in-process.ts'
import { takeOffPrefix } from './path-prefix.ts'
import type { StudyProgress } from './running/index.ts'
import { refuseSession } from './session.ts'
import { readTls } from './tls/settings.ts'

/** An IPv6 address with a zone has 45 and more; what is longer is none. */
const MAX_ADDRESS_CHARACTERS = 64

export interface CoordinatorOptions extends OpenOptions {
  /** Default: as in coordinator.json. */
  readonly port?: number | undefined
  readonly host?: string | undefined
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
  const { host = config.host, port = config.port } = options
  const coordinator = await openCoordinator(options, loaded)

  // Who has not said what he wants within two heartbeats is as dead as who misses one.
  const patience = { headersTimeout: 2 * config.heartbeatMs, connectionsCheckingInterval: config.heartbeatMs }
  const http = tls ? createTlsServer({ ...tls, ...patience }, notFound) : createServer(patience, notFound)
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
  const limits = sessionLimits(config, () => coordinator.places())
  limitConnections(http, limits, config.proxy === true)
  const sessions = createConnections(limits)
  sockets.on('connection', (socket) => {
    const address = clientAddress(socket.handshake, config.proxy === true)
    const sessionLog = log.child({ address })
    try {
      socket.on('disconnect', sessions.enter(address))
      coordinator.serve(socket, sessionLog)
    } catch (thrown) {
      refuseSession(socket, asTesseraError(thrown), sessionLog)
    }
  })

  const close = async (): Promise<void> => {
    await coordinator.close()
    await sockets.close()
  }
  takeOffPrefix(http, config.url)
  await listen(http, port, host).catch(async (cause: unknown) => {
    await close()
    const reason = (cause as NodeJS.ErrnoException).code
    throw new TesseraError('ERR_CONFIG_INVALID', `port must be free, got ${reason} for ${host}:${port}`, {
      cause,
    })
  })
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
