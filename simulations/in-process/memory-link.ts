/**
 * @file A coordinator and a site in one process, joined in memory instead of by a network. What is said passes through the parsers of both ends,
 * gate and audit log included: each frame has the bytes that the network would carry, and is looked at as if it came from there.
 */
import { EventEmitter, setMaxListeners } from 'node:events'
import type { SiteSocket } from '@tessera/coordinator'
import { createParser, type SocketParser } from '@tessera/shared/protocol'
import type { Dial, DialledSocket } from '@tessera/site-agent'
import { createTurns } from './turns.ts'

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
  /** Fulfilled when a question may be put to the peer, with what to call once it is answered. Absent: at any time. */
  readonly mayAsk?: () => Promise<() => void>
}

/** What is said and has not left: encoded when it leaves, or before, where the encoder may refuse it. */
interface Outgoing {
  readonly encode: () => Uint8Array[]
  /** Of a question. */
  readonly id: number | undefined
}

/**
 * Sites that look at a question of the coordinator at the same time. A record of a thousand contributors takes a site 2 MB to look at, and all thousand
 * are sent it at once.
 */
const ASKED_AT_ONCE = 16

/** One end: what both sides' sockets have in common. */
class End {
  readonly events = new EventEmitter().setMaxListeners(0)
  /** What Engine.IO tells of frames that wait: `packetCreate` and `drain`. */
  readonly conn = new EventEmitter().setMaxListeners(0)
  connected = false
  #peer: End | null = null
  #nextId = 0
  #sending = false
  readonly #outgoing: Outgoing[] = []
  readonly #answers = new Map<number, (reply: unknown) => void>()
  readonly #encoder
  readonly #decoder
  readonly #recorded
  readonly #mayAsk
  /** Gives back what {@link EndOptions.mayAsk} gave, by the question. */
  readonly #asked = new Map<number, () => void>()

  constructor({ parser, recorded, mayAsk }: EndOptions) {
    this.#mayAsk = mayAsk
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
    const encode = (): Uint8Array[] => this.#encoder.encode({ nsp: '/', ...packet })
    const id = packet.type === EVENT ? packet.id : undefined
    if (this.#mayAsk === undefined) {
      const frames = encode()
      this.#outgoing.push({ encode: () => frames, id })
    } else this.#outgoing.push({ encode, id })
    this.conn.emit('packetCreate')
    if (!this.#sending) void this.#flush()
  }

  /** All frames that are ready wait for their audit lines together, as in the site's transport. */
  async #flush(): Promise<void> {
    this.#sending = true
    // A turn first: frames that are sent together leave together.
    await Promise.resolve()
    while (this.#outgoing.length > 0) {
      const said = this.#outgoing.splice(0)
      try {
        await this.#recorded()
        for (const { encode, id } of said) {
          if (id !== undefined && !(await this.#mayPut(id))) continue
          for (const frame of encode()) this.#peer?.receive(frame)
        }
      } catch {
        this.close('transport error')
        break
      }
    }
    this.#sending = false
    this.conn.emit('drain')
  }

  /** Waits until a question may be put to the peer; false when the line is down by then. */
  async #mayPut(id: number): Promise<boolean> {
    // Who looks at one already may be told the next: its answer may hang on that.
    if (this.#mayAsk === undefined || this.#asked.size > 0) return true
    const giveBack = await this.#mayAsk()
    if (this.connected) this.#asked.set(id, giveBack)
    else giveBack()
    return this.connected
  }

  receive(frame: Uint8Array): void {
    this.#decoder.add(frame)
  }

  #hear({ type, data, id }: Packet): void {
    if (type === CONNECT) return this.#connect()
    if (type === DISCONNECT) return this.close('transport close')
    if (!this.connected) return
    if (type === ANSWER) {
      this.#giveBack(id ?? -1)
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

  #giveBack(id: number): void {
    this.#asked.get(id)?.()
    this.#asked.delete(id)
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
    for (const id of [...this.#asked.keys()]) this.#giveBack(id)
    this.#decoder.destroy()
    this.events.emit('disconnect', reason)
    // After the frames that are under way.
    setImmediate(() => this.#peer?.close('transport close'))
  }
}

const atOnce = async (): Promise<void> => undefined
const never = new AbortController().signal
// Every question that waits for its turn listens to it.
setMaxListeners(0, never)

/** Gives what dials a coordinator of this process. */
export function memoryDial(serve: (socket: SiteSocket) => void): Dial {
  const turn = createTurns(ASKED_AT_ONCE)
  const mayAsk = (): Promise<() => void> =>
    new Promise((resolve) => {
      void turn(never, () => new Promise<void>((done) => resolve(done)))
    })
  return (_url, parser) => {
    const site = new End({ parser, recorded: parser.recorded })
    const coordinator = new End({ parser: createParser(), recorded: atOnce, mayAsk })
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
