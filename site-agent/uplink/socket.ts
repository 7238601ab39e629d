/**
 * @file Makes the one kind of socket a site has: outwards, with the gate as its encoder. The only file that imports socket.io-client.
 *
 * The encoder is synchronous and a sync of the disk is not: the transport, which takes all frames that are ready at once, waits for their audit
 * lines before it writes the first byte. What is ready meanwhile goes with the next write, in order.
 */
import type { Agent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import { type Log, silentLog } from '@tessera/shared/log'
import type { SocketParser } from '@tessera/shared/protocol'
import { io, NodeWebSocket, NodeXHR, type Socket } from 'socket.io-client'
import { proxyFor, TunnelAgent } from './proxy-agent.ts'
import { PinnedAgent, tlsOptions } from './tls-agent.ts'
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
 * @throws {TesseraError} ERR_CONFIG_INVALID if one of its files cannot be read. Dialling throws ERR_TLS_REQUIRED for an address that is not encrypted,
 * and ERR_CONFIG_INVALID for a proxy whose address is none.
 */
export function dialOver(settings: Transport = {}, log: Log = silentLog): Dial {
  const tls = tlsOptions(settings)
  let agent: { readonly url: string; readonly agent: Agent | undefined } | null = null
  let hasToldPolling = false
  return (url, parser) => {
    assertEncrypted(url, settings)
    if (agent?.url !== url) agent = { url, agent: agentFor(url, settings, tls) }
    const socket = dial(url, parser, agent.agent)
    socket.on('connect', () => {
      if (hasToldPolling || socket.io.engine.transport.name !== 'polling') return
      hasToldPolling = true
      const reason =
        'something on the way lets no WebSocket through: long polling is used, which works and costs more'
      log.info('coordinator.polling', { reason })
    })
    return socket
  }
}

function dial(url: string, parser: UplinkParser, agent: Agent | undefined): Socket {
  const { origin, pathname } = new URL(url)
  return io(origin, {
    // Socket.IO would take the path of an address for one of its namespaces.
    path: `${pathname.replace(/\/+$/, '')}/socket.io/`,
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
}

/** @throws {TesseraError} ERR_CONFIG_INVALID if a file cannot be read, or if the proxy's address is none. */
function agentFor(url: string, settings: Transport, tls: ConnectionOptions): Agent | undefined {
  const { pin } = settings
  const proxy = proxyFor(url, settings)
  if (proxy !== null) return new TunnelAgent(proxy, tls, pin)
  if (new URL(url).protocol !== 'https:') return undefined
  return pin === undefined ? new HttpsAgent(tls) : new PinnedAgent(tls, pin)
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
