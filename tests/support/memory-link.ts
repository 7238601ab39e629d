/**
 * @file Two sockets joined in memory: no port, no wait but the event loop's turn. Packets pass through the real frame encoding,
 * so what arrives is what would arrive over the network.
 */
import { EventEmitter } from 'node:events'
import { decodeFrame, encodeFrame } from '@tessera/shared/protocol'

/** One end: what serve() and call() need of a socket. */
export class MemorySocket extends EventEmitter {
  connected = true
  /** Frames this end has sent. */
  readonly sent: Uint8Array[] = []
  #peer: MemorySocket | undefined
  #nextId = 0
  readonly #waiting = new Map<number, (reply: unknown) => void>()

  join(peer: MemorySocket): void {
    this.#peer = peer
  }

  /** Sends to the other end; Node's own events stay here. A last argument that is a function gets the reply. */
  override emit(event: string, ...args: unknown[]): boolean {
    if (event === 'disconnect') return super.emit(event, ...args)
    const last = args.at(-1)
    const id = typeof last === 'function' ? this.#nextId++ : undefined
    if (id !== undefined) this.#waiting.set(id, args.pop() as (reply: unknown) => void)
    this.#send(encodeFrame({ type: 2, nsp: '/', data: [event, ...args], id }))
    return true
  }

  /** Ends the connection at both ends. */
  disconnect(): void {
    for (const end of [this, this.#peer]) {
      if (!end?.connected) continue
      end.connected = false
      end.emit('disconnect', 'transport close')
    }
  }

  #send(frame: Uint8Array): void {
    this.sent.push(frame)
    queueMicrotask(() => this.#peer?.receive(frame))
  }

  receive(frame: Uint8Array): void {
    if (!this.connected) return
    const { type, data, id } = decodeFrame(frame) as { type: number; data: unknown[]; id?: number }
    if (type === 3) return this.#waiting.get(id ?? -1)?.(data[0])
    const acknowledge = (reply: unknown): void =>
      this.#send(encodeFrame({ type: 3, nsp: '/', data: [reply], id }))
    const [event, ...args] = data
    super.emit(String(event), ...args, ...(id === undefined ? [] : [acknowledge]))
  }
}

/** Two ends that are connected. */
export function memoryLink(): [MemorySocket, MemorySocket] {
  const ends: [MemorySocket, MemorySocket] = [new MemorySocket(), new MemorySocket()]
  ends[0].join(ends[1])
  ends[1].join(ends[0])
  return ends
}
