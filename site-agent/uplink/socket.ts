/**
 * @file Makes the one kind of socket a site has: outwards, with the gate as its encoder. The only file that imports socket.io-client.
 *
 * The encoder is synchronous and a sync of the disk is not: the transport, which takes all frames that are ready at once, waits for their audit
 * lines before it writes the first byte. What is ready meanwhile goes with the next write, in order.
 */
import type { SocketParser } from '@tessera/shared/protocol'
import { io, NodeWebSocket, NodeXHR } from 'socket.io-client'

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

export const dial: Dial = (url, parser) =>
  io(url, {
    parser,
    // A WebSocket at once; long polling where a proxy refuses that.
    transports: waiting(parser.recorded),
    tryAllTransports: true,
    upgrade: false,
    timeout: CONNECT_TIMEOUT_MS,
    // Each attempt has a socket of its own: nothing that was queued for the last connection is sent on the next.
    forceNew: true,
    reconnection: false,
  })

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
