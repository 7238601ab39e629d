/**
 * @file A coordinator and a site in one process, joined in memory instead of by a network. What is said passes through the parsers of both ends,
 * gate and audit log included: each frame has the bytes that the network would carry, and is looked at as if it came from there.
 */
import { EventEmitter } from 'node:events'
import type { SiteSocket } from '@tessera/coordinator'
import { createParser, type SocketParser } from '@tessera/shared/protocol'
import type { Dial, DialledSocket } from '@tessera/site-agent'

/** Socket.IO's packet types (socket.io-protocol, revision 5). */
const [CONNECT, DISCONNECT, EVENT, ANSWER] = [0, 1, 2, 3]

interface Packet {
  readonly type: number
  readonly data?: unknown
  readonly id?: number
}

interface EndOptions {
  readonly parser: SocketParser
  /** Fulfilled when what was encoded may leave. */
  readonly recorded: () => Promise<void>
}

/** One end: what both sides' sockets have in common. */
class End {
  readonly events = new EventEmitter().setMaxListeners(0)
  /** What Engine.IO tells of frames that wait: `packetCreate` and `drain`. */
  readonly conn = new EventEmitter().setMaxListeners(0)
  connected = false
  #peer: End | null = null
  #nextId = 0
  #sending = false
  readonly #outgoing: Uint8Array[] = []
  readonly #answers = new Map<number, (reply: unknown) => void>()
  readonly #encoder
  readonly #decoder
  readonly #recorded

  constructor({ parser, recorded }: EndOptions) {
    this.#encoder = new parser.Encoder()
    this.#decoder = new parser.Decoder()
    this.#recorded = recorded
    this.#decoder.on('decoded', (packet: Packet) => this.#hear(packet))
  }

  join(peer: End): void {
    this.#peer = peer
  }

  emit(event: string, ...args: unknown[]): void {
    // As Socket.IO's: what is said over a line that is down is not said.
    if (!this.connected) return
    const last = args.at(-1)
    const id = typeof last === 'function' ? this.#nextId++ : undefined
    if (id !== undefined) this.#answers.set(id, args.pop() as (reply: unknown) => void)
    this.send({ type: EVENT, data: [event, ...args], ...(id !== undefined && { id }) })
  }

  /** @throws {TesseraError} What the gate says against it. */
  send(packet: Packet): void {
    this.#outgoing.push(...this.#encoder.encode({ nsp: '/', ...packet }))
    this.conn.emit('packetCreate')
    if (!this.#sending) void this.#flush()
  }

  /** All frames that are ready wait for their audit lines together, as in the site's transport. */
  async #flush(): Promise<void> {
    this.#sending = true
    // A turn first: frames that are sent together leave together.
    await Promise.resolve()
    while (this.#outgoing.length > 0) {
      const frames = this.#outgoing.splice(0)
      try {
        await this.#recorded()
      } catch {
        this.close('transport error')
        break
      }
      for (const frame of frames) this.#peer?.receive(frame)
    }
    this.#sending = false
    this.conn.emit('drain')
  }

  receive(frame: Uint8Array): void {
    this.#decoder.add(frame)
  }

  #hear({ type, data, id }: Packet): void {
    if (type === CONNECT) return this.#connect()
    if (type === DISCONNECT) return this.close('transport close')
    if (!this.connected) return
    if (type === ANSWER) {
      const answer = this.#answers.get(id ?? -1)
      this.#answers.delete(id ?? -1)
      return answer?.((data as unknown[])[0])
    }
    const [event, ...args] = data as [string, ...unknown[]]
    const acknowledge = (reply: unknown): void => {
      if (this.connected) this.send({ type: ANSWER, data: [reply], ...(id !== undefined && { id }) })
    }
    this.events.emit(event, ...args, ...(id === undefined ? [] : [acknowledge]))
  }

  #connect(): void {
    this.connected = true
    this.events.emit('connect')
  }

  /** The line is down, for both. */
  close(reason: string): void {
    if (!this.connected) return
    this.connected = false
    this.#answers.clear()
    this.#decoder.destroy()
    this.events.emit('disconnect', reason)
    // After the frames that are under way.
    setImmediate(() => this.#peer?.close('transport close'))
  }
}

const atOnce = async (): Promise<void> => undefined

/** Gives what dials a coordinator of this process. */
export function memoryDial(serve: (socket: SiteSocket) => void): Dial {
  return (_url, parser) => {
    const site = new End({ parser, recorded: parser.recorded })
    const coordinator = new End({ parser: createParser(), recorded: atOnce })
    site.join(coordinator)
    coordinator.join(site)
    coordinator.events.once('connect', () => {
      coordinator.send({ type: CONNECT, data: { sid: 'memory' } })
      serve(coordinatorSocket(coordinator))
    })
    site.send({ type: CONNECT })
    return siteSocket(site)
  }
}

function siteSocket(end: End): DialledSocket {
  return {
    get connected() {
      return end.connected
    },
    on: (event, listener) => end.events.on(event, listener),
    off: (event, listener) => end.events.off(event, listener),
    emit: (event, ...args) => end.emit(event, ...args),
    disconnect() {
      if (end.connected) end.send({ type: DISCONNECT })
      end.close('io client disconnect')
    },
  }
}

/** What a session uses of Socket.IO's socket, and of the connection below it. */
function coordinatorSocket(end: End): SiteSocket {
  const { events, conn } = end
  const close = (): void => end.close('io server disconnect')
  const below = {
    on: (event: string, listener: () => void) => conn.on(event, listener),
    off: (event: string, listener: () => void) => conn.off(event, listener),
    close,
    get readyState() {
      return end.connected ? 'open' : 'closed'
    },
    // A frame is handed over as it is written: nothing waits for a network.
    transport: { writable: true, on: () => undefined, off: () => undefined },
  }
  const socket = {
    get connected() {
      return end.connected
    },
    on: (event: string, listener: (...args: unknown[]) => void) => events.on(event, listener),
    off: (event: string, listener: (...args: unknown[]) => void) => events.off(event, listener),
    emit: (event: string, ...args: unknown[]) => end.emit(event, ...args),
    // After what was said last has arrived.
    disconnect: () => setImmediate(close),
    conn: below,
  }
  return socket as unknown as SiteSocket
}
