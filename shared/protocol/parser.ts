/**
 * @file Socket.IO's parser for Tessera: one packet is one MessagePack frame, `{ type, nsp, data?, id? }`, the shape of
 * socket.io-msgpack-parser. Give it to both ends: `new Server(…, { parser: createParser() })`, `io(url, { parser: createParser() })`.
 *
 * The first bad frame of a connection surfaces as the local event {@link BAD_FRAME}, which no peer can send, and ends its reading:
 * what follows is not looked at. The process goes on, and so do all other connections.
 */
import { EventEmitter } from 'node:events'
import { Packr, Unpackr } from 'msgpackr/pack'
import { z } from 'zod'
import { type Clock, systemClock } from '../clock.ts'
import { TesseraError } from '../errors.ts'
import { createFrameBudget } from './frame-budget.ts'
import { MAX_FRAME_BYTES } from './limits.ts'
import { scanFrame } from './scan.ts'

/** Local event of a socket whose peer sent a bad frame. Its argument is the {@link TesseraError}. */
export const BAD_FRAME = 'frame:bad'

/** Names that Socket.IO or Node give a meaning to, and our own local event: a peer that sends one is lying or broken. */
const RESERVED_EVENTS: ReadonlySet<string> = new Set([
  BAD_FRAME,
  'connect',
  'connect_error',
  'connection',
  'disconnect',
  'disconnecting',
  'error',
  'newListener',
  'removeListener',
])
const MAX_EVENT_CHARACTERS = 64
/** As of a refusal of ours. */
const MAX_REFUSAL_CHARACTERS = 1000
/** Socket.IO's packet types (socket.io-protocol, revision 5). */
const EVENT = 2

const nsp = z.string().max(MAX_EVENT_CHARACTERS)
const eventName = z
  .string()
  .max(MAX_EVENT_CHARACTERS)
  .refine((name) => !RESERVED_EVENTS.has(name))
const details = z.record(z.string(), z.unknown())
/** Socket.IO's client makes an Error of the message, and throws where nothing catches if it cannot be made a text. */
const refusal = z.strictObject({
  message: z.string().max(MAX_REFUSAL_CHARACTERS),
  data: z.unknown().optional(),
})
const id = z.int().min(0)
const packet = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal(0), nsp, data: details.nullish() }), // connect
  z.strictObject({ type: z.literal(1), nsp, data: z.null().optional() }), // disconnect
  z.strictObject({ type: z.literal(EVENT), nsp, id: id.optional(), data: z.tuple([eventName], z.unknown()) }),
  z.strictObject({ type: z.literal(3), nsp, id, data: z.array(z.unknown()) }), // acknowledgement
  z.strictObject({ type: z.literal(4), nsp, data: refusal }), // connection refused
])
type Packet = z.infer<typeof packet>
/** What Socket.IO hands to an encoder. */
export interface OutgoingPacket {
  readonly type: number
  readonly nsp: string
  readonly data?: unknown
  readonly id?: number | undefined
}

// No records: msgpackr's own extension, which other languages do not read. Shortest map headers: golden frames stay readable.
const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true })
/** Where msgpackr packs small frames, one after the other. */
const pool = Buffer.allocUnsafeSlow(8192)
/** From here on a frame is packed in memory of its own: copying it out of the pool would cost more than it saves. */
const LARGE_BYTES = 4096
/** Room for what is around the bytes of a large frame; where it does not do, msgpackr takes more by itself. */
const ENVELOPE_BYTES = 4096
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' })

/** Packs one packet. @throws {TesseraError} ERR_FRAME_TOO_LARGE if it is larger than the peer would accept. */
export function encodeFrame({ type, nsp, data, id }: OutgoingPacket): Uint8Array {
  const packet = {
    type,
    nsp,
    ...(data === undefined ? {} : { data }),
    ...(id === undefined ? {} : { id }),
  }
  const bytes = bytesIn(data)
  const frame = bytes < LARGE_BYTES ? packr.pack(packet) : packLarge(packet, bytes)
  assertSize(frame)
  // msgpackr gives a view into a pool that it goes on writing to.
  return bytes < LARGE_BYTES ? Buffer.from(frame) : frame
}

function packLarge(packet: object, bytes: number): Buffer {
  packr.useBuffer(Buffer.allocUnsafeSlow(bytes + ENVELOPE_BYTES))
  try {
    return packr.pack(packet)
  } finally {
    // Nothing is written to the frame's memory any more.
    packr.useBuffer(pool)
  }
}

/** Sum of the byte arrays in a value of ours. */
function bytesIn(value: unknown): number {
  if (value instanceof Uint8Array) return value.byteLength
  if (typeof value !== 'object' || value === null) return 0
  return Object.values(value).reduce<number>((sum, inner) => sum + bytesIn(inner), 0)
}

/**
 * Unpacks one frame. Order of the checks: size, structure, unpack, shape of the packet. Bytes in it are plain Uint8Arrays with memory of their own,
 * but for those that make up most of the memory that their frame lies in: they stay there, where nobody writes once it has come in. A small frame may
 * lie in a pool with others (64 KiB from Node 24 on), which one chunk must not keep alive.
 * @throws {TesseraError} ERR_FRAME_TOO_LARGE or ERR_FRAME_MALFORMED.
 */
export function decodeFrame(frame: unknown): Packet {
  const bytes = frame instanceof ArrayBuffer ? new Uint8Array(frame) : frame
  if (!(bytes instanceof Uint8Array)) throw malformed('a text frame')
  assertSize(bytes)
  const fault = scanFrame(bytes)
  if (fault !== null) throw malformed(fault)
  let value: unknown
  try {
    value = ownBytes(unpackr.unpack(bytes), bytes.buffer.byteLength / 2)
  } catch (cause) {
    throw malformed('a value that cannot be unpacked', cause)
  }
  const result = packet.safeParse(value)
  if (!result.success) throw malformed('another packet')
  return result.data
}

function assertSize(frame: Uint8Array): void {
  if (frame.byteLength <= MAX_FRAME_BYTES) return
  throw new TesseraError(
    'ERR_FRAME_TOO_LARGE',
    `frame must have at most ${MAX_FRAME_BYTES} bytes, got ${frame.byteLength}`,
  )
}

function malformed(got: string, cause?: unknown): TesseraError {
  return new TesseraError('ERR_FRAME_MALFORMED', `frame must hold one Socket.IO packet, got ${got}`, {
    cause,
  })
}

/** The value with each Buffer, a view into the frame, replaced by a copy; one larger than `most` by a plain view, which keeps little else alive. */
function ownBytes(value: unknown, most: number): unknown {
  if (value instanceof Uint8Array) {
    if (value.byteLength <= most) return new Uint8Array(value)
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  }
  if (Array.isArray(value)) return value.map((inner) => ownBytes(inner, most))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, ownBytes(inner, most)]))
}

class Encoder {
  encode(packet: OutgoingPacket): Uint8Array[] {
    return [encodeFrame(packet)]
  }
}

/** What Socket.IO's option `parser` takes. */
export interface SocketParser {
  readonly Encoder: new () => Encoder
  readonly Decoder: new () => EventEmitter & { add(frame: unknown): void; destroy(): void }
}

/** The parser of both ends. A decoder belongs to one connection, and so does its budget of frames. */
export function createParser(clock: Clock = systemClock): SocketParser {
  class Decoder extends EventEmitter {
    #broken = false
    #spend = createFrameBudget(clock)

    add(frame: unknown): void {
      if (this.#broken) return
      let packet: Packet
      try {
        this.#spend()
        packet = decodeFrame(frame)
      } catch (thrown) {
        this.#broken = true
        this.emit('decoded', { type: EVENT, nsp: '/', data: [BAD_FRAME, thrown] })
        return
      }
      this.emit('decoded', packet)
    }

    /** The connection has ended. A client's decoder is used again for its next one. */
    destroy(): void {
      this.#broken = false
      this.#spend = createFrameBudget(clock)
    }
  }
  return { Encoder, Decoder }
}

/** What {@link onBadFrame} needs of a socket of either end. */
interface BadFrameSource {
  on(event: typeof BAD_FRAME, listener: (error: TesseraError) => void): unknown
}

/** Calls `listener` when the peer of this socket has sent a bad frame. Its next step should be to say so and to disconnect. */
export function onBadFrame(socket: object, listener: (error: TesseraError) => void): void {
  // A socket typed by its catalogue does not know of the local event, on purpose: it is not part of the wire.
  ;(socket as BadFrameSource).on(BAD_FRAME, listener)
}
