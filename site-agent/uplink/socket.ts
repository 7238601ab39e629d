/**
 * @file Makes the one kind of socket a site has: outwards, with the gate as its encoder. The only file that imports socket.io-client.
 */
import type { SocketParser } from '@tessera/shared/protocol'
import { io } from 'socket.io-client'

/** What a connection needs of Socket.IO's socket. */
export interface DialledSocket {
  readonly connected: boolean
  on(event: string, listener: (...args: unknown[]) => void): unknown
  off(event: string, listener: (...args: unknown[]) => void): unknown
  emit(event: string, ...args: unknown[]): unknown
  disconnect(): unknown
}

/** Starts to connect; `connect` or `connect_error` follows. Given to a connection as an argument: tests give their own. */
export type Dial = (url: string, parser: SocketParser) => DialledSocket

/** From the first packet to Socket.IO's `connect`: a VPN that has to wake up takes seconds, not minutes. */
const CONNECT_TIMEOUT_MS = 20_000

export const dial: Dial = (url, parser) =>
  io(url, {
    parser,
    // A WebSocket at once; long polling where a proxy refuses that.
    transports: ['websocket', 'polling'],
    tryAllTransports: true,
    upgrade: false,
    timeout: CONNECT_TIMEOUT_MS,
    // Each attempt has a socket of its own: nothing that was queued for the last connection is sent on the next.
    forceNew: true,
    reconnection: false,
  })
