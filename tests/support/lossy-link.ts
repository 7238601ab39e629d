/**
 * @file A network between sites and a coordinator as bad as a hospital's, in this process and on a fake clock: narrow, slow, cut again and again, and losing
 * frames that never arrive while the connection stays. Nothing waits in real time. Both ends' frames pass through the real encoders.
 */
import { EventEmitter } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { decodeFrame, encodeFrame, type SocketParser } from '@tessera/shared/protocol'
import type { Random } from '@tessera/shared/random'
import type { FakeClock } from './fake-clock.ts'

export interface LossyOptions {
  readonly clock: FakeClock
  /** Which frames are lost. */
  readonly random: Random
  /** Each way. */
  readonly bitsPerSecond: number
  /** One way, after a frame's last bit was sent. */
  readonly delayMs: number
  /** Share of the frames that never arrive. */
  readonly loss: number
  /** All connections are broken so often. */
  readonly cutEveryMs: number
  /** Serves the coordinator's end of a new connection. */
  readonly accept: (end: LinkEnd) => void
  /** Sees every frame that is sent, lost or not, and every answer that arrives. */
  readonly watch: (what: 'sent' | 'answered', event: string, request: unknown) => void
}

export interface LossyNetwork {
  /** Opens a site's connection; `connect` follows. */
  readonly dial: (url: string, parser: SocketParser) => LinkEnd
  /** Breaks all connections now. */
  cut(): void
  readonly counts: { readonly frames: number; readonly lost: number; readonly connections: number }
  /** Moves the clock on until `work` has ended; before each step this process has nothing left to do. */
  run<T>(work: Promise<T>): Promise<T>
}

/** How far the clock moves at once: a twentieth of what a chunk takes at 4 Mbit/s. */
const STEP_MS = 50

/** Builds it. */
export function lossyNetwork(options: LossyOptions): LossyNetwork {
  const { clock, delayMs, cutEveryMs } = options
  const open = new Set<LinkEnd>()
  const counts = { frames: 0, lost: 0, connections: 0 }
  const cut = (): void => {
    for (const end of open) end.disconnect()
    open.clear()
  }
  const keepCutting = (): void => {
    cut()
    clock.schedule(keepCutting, cutEveryMs)
  }
  clock.schedule(keepCutting, cutEveryMs)
  return {
    counts,
    cut,
    dial(_url, parser) {
      const encoder = new parser.Encoder()
      const site = new LinkEnd(options, counts, (packet) => encoder.encode(packet)[0] ?? new Uint8Array())
      const coordinator = new LinkEnd(options, counts, encodeFrame)
      site.join(coordinator)
      coordinator.join(site)
      // There and back.
      clock.schedule(() => {
        counts.connections++
        open.add(site)
        site.open()
        coordinator.open()
        options.accept(coordinator)
      }, delayMs * 2)
      return site
    },
    async run(work) {
      const progress = { ended: false }
      const watched = work.finally(() => {
        progress.ended = true
      })
      watched.catch(() => undefined)
      while (!progress.ended) {
        await idle()
        clock.advance(STEP_MS)
      }
      return watched
    },
  }
}

/** Waits until nothing of this process is at work in real time: no file, no signature. */
async function idle(): Promise<void> {
  for (let quiet = 0; quiet < 2; ) {
    await nextTurn()
    const busy = process.getActiveResourcesInfo().some((name) => /^FSReq|REQUEST$/.test(name))
    quiet = busy ? 0 : quiet + 1
  }
}

type Packet = Parameters<typeof encodeFrame>[0]

/** One end: what both ends' code needs of a Socket.IO socket, and of the Engine.IO connection under it. */
export class LinkEnd extends EventEmitter {
  connected = false
  /** Whether all that was written is on its way, as Engine.IO says it. */
  readonly conn: EventEmitter & {
    readyState: string
    transport: EventEmitter & { writable: boolean }
    close(): void
  } = Object.assign(new EventEmitter(), {
    readyState: 'open',
    transport: Object.assign(new EventEmitter(), { writable: true }),
    // A session and its connection are one here, and end together.
    close: () => this.disconnect(),
  })
  readonly #options: LossyOptions
  readonly #counts: { frames: number; lost: number }
  readonly #encode: (packet: Packet) => Uint8Array
  #peer: LinkEnd | null = null
  #freeAtMs = 0
  #nextId = 0
  readonly #waiting = new Map<number, (reply: unknown) => void>()

  constructor(
    options: LossyOptions,
    counts: { frames: number; lost: number },
    encode: (packet: Packet) => Uint8Array,
  ) {
    super()
    this.#options = options
    this.#counts = counts
    this.#encode = encode
    this.setMaxListeners(0)
    this.conn.transport.setMaxListeners(0)
  }

  join(peer: LinkEnd): void {
    this.#peer = peer
  }

  open(): void {
    this.connected = true
    super.emit('connect')
  }

  /** Sends to the other end; Node's own events stay here. A last argument that is a function gets the reply. */
  override emit(event: string, ...args: unknown[]): boolean {
    if (event === 'disconnect' || event === 'connect') return super.emit(event, ...args)
    const last = args.at(-1)
    const id = typeof last === 'function' ? this.#nextId++ : undefined
    if (id !== undefined) {
      const answer = args.pop() as (reply: unknown) => void
      this.#waiting.set(id, (reply) => {
        this.#options.watch('answered', event, args[0])
        answer(reply)
      })
    }
    const frame = this.#encode({ type: 2, nsp: '/', data: [event, ...args], id })
    this.#options.watch('sent', event, args[0])
    this.#send(frame)
    return true
  }

  /** Ends the connection at both ends. What is on its way is gone. */
  disconnect(): void {
    for (const end of [this, this.#peer]) {
      if (!end?.connected) continue
      end.connected = false
      end.conn.readyState = 'closed'
      end.conn.emit('close')
      end.emit('disconnect', 'transport close')
    }
  }

  #send(frame: Uint8Array): void {
    const { clock, random, bitsPerSecond, delayMs, loss } = this.#options
    const { transport } = this.conn
    // Whole milliseconds, as a real clock shows them.
    const takesMs = Math.ceil((frame.byteLength * 8 * 1000) / bitsPerSecond)
    this.#freeAtMs = Math.max(clock.now(), this.#freeAtMs) + takesMs
    transport.writable = false
    const sentAtMs = this.#freeAtMs
    clock.schedule(() => {
      if (this.#freeAtMs > sentAtMs) return
      transport.writable = true
      transport.emit('ready')
    }, sentAtMs - clock.now())
    this.#counts.frames++
    if (random.float() < loss) this.#counts.lost++
    else clock.schedule(() => this.#peer?.receive(frame), sentAtMs + delayMs - clock.now())
  }

  receive(frame: Uint8Array): void {
    if (!this.connected) return
    const { type, data, id } = decodeFrame(frame) as { type: number; data: unknown[]; id?: number }
    if (type === 3) {
      this.#waiting.get(id ?? -1)?.(data[0])
      this.#waiting.delete(id ?? -1)
      return
    }
    const acknowledge = (reply: unknown): void => {
      if (this.connected) this.#send(this.#encode({ type: 3, nsp: '/', data: [reply], id }))
    }
    const [event, ...args] = data
    super.emit(String(event), ...args, ...(id === undefined ? [] : [acknowledge]))
  }
}
