/** @file The sites' Socket.IO on the coordinator's port: each connection that finds a place gets a session. */
import type { Clock } from '@tessera/shared/clock'
import { asTesseraError, type TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import {
  type coordinatorMessages,
  createParser,
  MAX_TRANSPORT_BYTES,
  type siteMessages,
  type WireEvents,
} from '@tessera/shared/protocol'
import { clientAddress } from '@tessera/shared/web'
import { Server } from 'socket.io'
import { type ConnectionLimits, createConnections } from '../connections.ts'
import type { OpenCoordinator } from '../in-process.ts'
import { refuseSession } from '../session.ts'
import type { Port } from './port.ts'

export interface SiteSocketsOptions {
  readonly coordinator: Pick<OpenCoordinator, 'serve'>
  readonly heartbeatMs: number
  readonly limits: ConnectionLimits
  /** One in front says where connections come from. */
  readonly proxy: boolean
  readonly clock: Clock
  readonly log: Log
  /** A session that is not served. */
  readonly refused: (error: TesseraError) => void
}

/** Serves sites on `http`; gives how to end all of it, the port too. */
export function serveSites(http: Port['http'], options: SiteSocketsOptions): { close(): Promise<void> } {
  const { coordinator, heartbeatMs, limits, proxy, clock, log, refused } = options
  const sockets = new Server<WireEvents<typeof siteMessages>, WireEvents<typeof coordinatorMessages>>(http, {
    parser: createParser(clock),
    transports: ['websocket', 'polling'],
    maxHttpBufferSize: MAX_TRANSPORT_BYTES,
    pingInterval: heartbeatMs,
    pingTimeout: heartbeatMs,
    serveClient: false,
    // Weights do not compress, and compressed secrets leak by their length.
    httpCompression: false,
  })
  const sessions = createConnections(limits)
  sockets.on('connection', (socket) => {
    const { address: from, headers } = socket.handshake
    const address = clientAddress(from, headers, proxy)
    const sessionLog = log.child({ address })
    try {
      socket.on('disconnect', sessions.enter(address))
      coordinator.serve(socket, sessionLog)
    } catch (thrown) {
      const error = asTesseraError(thrown)
      refused(error)
      refuseSession(socket, error, sessionLog)
    }
  })
  return { close: () => sockets.close() }
}
