/**
 * @file Makes the one kind of socket a site has: outwards, with the gate as its encoder. The only file that imports socket.io-client.
 *
 * The encoder is synchronous and a sync of the disk is not: the transport, which takes all frames that are ready at once, waits for their audit
 * lines before it writes the first byte. What is ready meanwhile goes with the next write, in order.
 */
import { readFileSync } from 'node:fs'
import { Agent as HttpsAgent, type RequestOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, connect } from 'node:tls'
import { TesseraError } from '@tessera/shared/errors'
import type { SocketParser } from '@tessera/shared/protocol'
import { spkiPin } from '@tessera/shared/security'
import { io, NodeWebSocket, NodeXHR } from 'socket.io-client'
import { assertEncrypted, type Transport } from './transport.ts'

/** What a connection needs of Socket.IO's socket. */
export interface DialledSocket {
  readonly connected: boolean
  on(event: string, listener: (...args: unknown[]) => void): unknown
  off(event: string, listener: (...args: unknown[]) => void): unknown
  emit(event: string, ...args: unknown[]): unknown
  disconnect(): unknown
}

/** Socket.IO's parser, and the word that frames it has encoded wait for. */
export interface UplinkParser extends SocketParser {
  /** Fulfilled when all frames that were encoded may leave; otherwise the connection ends without them. */
  readonly recorded: () => Promise<void>
}

/** Starts to connect; `connect` or `connect_error` follows. Given to a connection as an argument: tests give their own. */
export type Dial = (url: string, parser: UplinkParser) => DialledSocket

/** From the first packet to Socket.IO's `connect`: a VPN that has to wake up takes seconds, not minutes. */
const CONNECT_TIMEOUT_MS = 20_000

/**
 * Gives what dials over a transport.
 * @throws {TesseraError} ERR_CONFIG_INVALID if one of its files cannot be read. Dialling throws ERR_TLS_REQUIRED for an address that is not encrypted.
 */
export function dialOver(settings: Transport = {}): Dial {
  const agent = tlsAgent(settings)
  return (url, parser) => {
    assertEncrypted(url, settings)
    return dial(url, parser, new URL(url).protocol === 'https:' ? agent : undefined)
  }
}

const dial = (url: string, parser: UplinkParser, agent: HttpsAgent | undefined): DialledSocket =>
  io(url, {
    parser,
    // Typed for browsers, where it is a switch; in Node it is the agent of the requests.
    ...(agent && { agent: agent as never }),
    // A WebSocket at once; long polling where a proxy refuses that.
    transports: waiting(parser.recorded),
    tryAllTransports: true,
    upgrade: false,
    timeout: CONNECT_TIMEOUT_MS,
    // Each attempt has a socket of its own: nothing that was queued for the last connection is sent on the next.
    forceNew: true,
    reconnection: false,
  })

/**
 * Gives the agent that makes the TLS connections of a transport.
 * @throws {TesseraError} ERR_CONFIG_INVALID if a file cannot be read.
 */
function tlsAgent(settings: Transport): HttpsAgent {
  const { pin } = settings
  const options: ConnectionOptions = {
    minVersion: 'TLSv1.2',
    ...(settings.ca && { ca: read('authority', settings.ca) }),
    ...(settings.cert && { cert: read('certificate', settings.cert) }),
    ...(settings.key && { key: read('key', settings.key) }),
  }
  return pin === undefined ? new HttpsAgent(options) : new PinnedAgent(options, pin)
}

/**
 * Believes a certificate by the pin of its key, and by nothing else: no authority, no name and no date is asked. Nothing is sent before
 * that is certain.
 */
class PinnedAgent extends HttpsAgent {
  readonly #pin: string

  constructor(options: ConnectionOptions, pin: string) {
    super({ ...options, maxCachedSessions: 0 })
    this.#pin = pin
  }

  override createConnection(
    options: RequestOptions,
    done?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    // An agent adds host, port and its own options, but its type does not say so.
    const socket = connect({ ...(options as ConnectionOptions), rejectUnauthorized: false })
    const fail = (error: Error): void => done?.(error, socket)
    socket.once('error', fail)
    socket.once('secureConnect', () => {
      socket.off('error', fail)
      const { raw } = socket.getPeerCertificate()
      if (raw !== undefined && spkiPin(raw) === this.#pin) return done?.(null, socket)
      socket.destroy()
      const message = 'certificate of the coordinator must hold the pinned key, got another'
      fail(new TesseraError('ERR_TLS_PIN', message))
    })
  }
}

function read(role: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new TesseraError('ERR_CONFIG_INVALID', `TLS ${role} must be a file that can be read, got ${code}`, {
      cause,
    })
  }
}

type Packets = Parameters<NodeWebSocket['write']>[0]

/** Both transports, as they are but for the wait before a write. */
function waiting(recorded: () => Promise<void>): [typeof NodeWebSocket, typeof NodeXHR] {
  return [
    class extends NodeWebSocket {
      override write(packets: Packets): void {
        this.writable = false
        // A copy: Engine.IO hands over its own list, and goes on adding to it.
        const now = [...packets]
        recorded().then(
          () => super.write(now),
          (cause: Error) => this.onError('audit', cause),
        )
      }
    },
    class extends NodeXHR {
      override write(packets: Packets): void {
        this.writable = false
        const now = [...packets]
        recorded().then(
          () => super.write(now),
          (cause: Error) => this.onError('audit', cause),
        )
      }
    },
  ]
}
