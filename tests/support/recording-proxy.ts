/**
 * @file A TCP proxy on 127.0.0.1 that keeps every byte a client sends, as sent and with WebSocket masks taken off.
 *
 * A client's WebSocket frames are XORed with a mask (RFC 6455, section 5.3): a search through the raw bytes would find nothing and prove nothing.
 */
import { connect, createServer, type Socket } from 'node:net'

/** What one connection sent. `http`: headers, and bodies of long polling; `frames`: WebSocket messages, whole. */
export interface SentBytes {
  readonly http: Buffer
  readonly frames: readonly Buffer[]
}

export interface RecordingProxy {
  readonly port: number
  /** Everything clients sent, a connection each. */
  sent(): SentBytes[]
  /** Breaks every connection that is open now. */
  cut(): void
  close(): Promise<void>
}

/** Starts a proxy in front of a port of this machine. */
export async function recordingProxy(targetPort: number): Promise<RecordingProxy> {
  const recordings: Buffer[][] = []
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const chunks: Buffer[] = []
    recordings.push(chunks)
    const target = connect(targetPort, '127.0.0.1')
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      open.add(from)
      from.on('data', (chunk: Buffer) => {
        if (from === client) chunks.push(chunk)
        to.write(chunk)
      })
      from.on('error', () => to.destroy())
      from.on('close', () => {
        open.delete(from)
        to.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  const cut = (): void => {
    for (const socket of open) socket.destroy()
  }
  return {
    port: address.port,
    sent: () => recordings.map((chunks) => parseSent(Buffer.concat(chunks))),
    cut,
    async close() {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The HTTP part as it was sent, and after an upgrade the payload of each WebSocket message, without its mask. */
export function parseSent(bytes: Buffer): SentBytes {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0 || !/upgrade: *websocket/i.test(bytes.toString('latin1', 0, headEnd)))
    return { http: bytes, frames: [] }
  const frames: Buffer[] = []
  let message: Buffer[] = []
  for (let at = headEnd + 4; at + 2 <= bytes.length; ) {
    const first = bytes.readUInt8(at)
    const second = bytes.readUInt8(at + 1)
    let start = at + 2
    let length = second & 0x7f
    if (length === 126) {
      length = bytes.readUInt16BE(start)
      start += 2
    } else if (length === 127) {
      length = Number(bytes.readBigUInt64BE(start))
      start += 8
    }
    const mask = second & 0x80 ? bytes.subarray(start, start + 4) : Buffer.alloc(4)
    if (second & 0x80) start += 4
    const payload = Buffer.from(bytes.subarray(start, start + length))
    for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] ?? 0) ^ (mask[i % 4] ?? 0)
    message.push(payload)
    if (first & 0x80) {
      frames.push(Buffer.concat(message))
      message = []
    }
    at = start + length
  }
  return { http: bytes.subarray(0, headEnd + 4), frames }
}
