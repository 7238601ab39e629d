/** @file The parser, serve() and call() over real sockets, on both transports. */
import {
  CHUNK_BYTES,
  call,
  type coordinatorMessages,
  createParser,
  encodeFrame,
  MAX_FRAME_BYTES,
  MAX_TRANSPORT_BYTES,
  onBadFrame,
  serve,
  siteMessages,
  type WireEvents,
} from '@tessera/shared/protocol'
import { Server } from 'socket.io'
import { io, type Socket } from 'socket.io-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

type Coordinator = Server<WireEvents<typeof siteMessages>, WireEvents<typeof coordinatorMessages>>
type Site = Socket<WireEvents<typeof coordinatorMessages>, WireEvents<typeof siteMessages>>

const PATTERN = Uint8Array.from({ length: CHUNK_BYTES }, (_, i) => (i * 31 + (i >> 8)) & 0xff)
/** Of chunks: the far end gives one of them by its index. */
const SIZES = [0, 1, 8191, CHUNK_BYTES]
let coordinator: Coordinator
let sites: Site[]
let kept: Uint8Array[]
let refused: string[]

beforeEach(() => {
  kept = []
  sites = []
  refused = []
  coordinator = new Server(0, { parser: createParser(), maxHttpBufferSize: MAX_TRANSPORT_BYTES })
  coordinator.on('connection', (socket) => {
    onBadFrame(socket, ({ code, message }) => {
      refused.push(code)
      socket.emit('session:refused', { code, message }, () => undefined)
      socket.disconnect(true)
    })
    serve(socket, siteMessages, 'model:chunk', ({ index }) => ({ chunk: PATTERN.subarray(0, SIZES[index]) }))
    serve(socket, siteMessages, 'upload:chunk', ({ chunk }) => {
      kept.push(chunk)
      return { window: 1 }
    })
  })
})
afterEach(async () => {
  for (const site of sites) site.disconnect()
  await coordinator.close()
})

async function join(transport: 'websocket' | 'polling'): Promise<Site> {
  const { port } = coordinator.httpServer.address() as { port: number }
  const site: Site = io(`http://127.0.0.1:${port}`, {
    parser: createParser(),
    transports: [transport],
    reconnection: false,
    forceNew: true,
  })
  sites.push(site)
  await new Promise<void>((resolve, reject) => {
    site.once('connect', resolve)
    site.once('connect_error', reject)
  })
  return site
}

const sha256 = 'ab'.repeat(32)

describe.each(['websocket', 'polling'] as const)('over %s', (transport) => {
  test.each(SIZES)('a chunk of %d bytes arrives as it was sent, both ways', async (size) => {
    const site = await join(transport)
    const sent = PATTERN.subarray(0, size)
    await call(
      site,
      siteMessages,
      'upload:chunk',
      { upload: 'u', index: 0, chunk: sent },
      { timeoutMs: 5000 },
    )
    expect(kept[0]?.constructor).toBe(Uint8Array)
    // What it keeps from being freed is its frame at most, never a pool of many.
    expect(kept[0]?.buffer.byteLength).toBeLessThan(size + 512)
    expect(Buffer.compare(kept[0] ?? new Uint8Array(1), sent)).toBe(0)
    const { chunk } = await call(
      site,
      siteMessages,
      'model:chunk',
      { sha256, index: SIZES.indexOf(size) },
      { timeoutMs: 5000 },
    )
    expect(chunk.constructor).toBe(Uint8Array)
    expect(Buffer.compare(chunk, sent)).toBe(0)
  })

  test('what arrived stays as it was while more arrives', async () => {
    const site = await join(transport)
    for (let i = 0; i < 50; i++) {
      const chunk = new Uint8Array(100).fill(i)
      await call(site, siteMessages, 'upload:chunk', { upload: 'u', index: 0, chunk }, { timeoutMs: 5000 })
    }
    expect(kept.map((bytes) => [...new Set(bytes)])).toEqual(Array.from({ length: 50 }, (_, i) => [i]))
  })

  test.each([
    ['ERR_FRAME_MALFORMED', 'random bytes', Buffer.from('c1ffee', 'hex')],
    ['ERR_FRAME_MALFORMED', 'a text frame', '2["session:join",{}]'],
    [
      'ERR_FRAME_MALFORMED',
      'a frame cut in two',
      Buffer.from(encodeFrame({ type: 2, nsp: '/', data: ['x', 1] }).slice(0, 9)),
    ],
    [
      'ERR_FRAME_MALFORMED',
      'a forged local event',
      Buffer.from(encodeFrame({ type: 2, nsp: '/', data: ['frame:bad', { code: 'ERR_FRAME_TOO_LARGE' }] })),
    ],
    ['ERR_FRAME_TOO_LARGE', 'a frame above the limit', Buffer.alloc(MAX_FRAME_BYTES + 1, 0xc0)],
  ])('%s answers %s, and the others go on', async (code, _, frame) => {
    const [bad, good] = [await join(transport), await join(transport)]
    const answer = new Promise((resolve) => bad.on('session:refused', resolve))
    const end = new Promise((resolve) => bad.on('disconnect', resolve))
    bad.io.engine.write(frame)
    expect(await answer).toMatchObject({ code })
    await end
    expect(refused).toEqual([code])
    const { window } = await call(
      good,
      siteMessages,
      'upload:chunk',
      { upload: 'u', index: 0, chunk: new Uint8Array(3) },
      { timeoutMs: 5000 },
    )
    expect(window).toBe(1)
  })

  test('a frame above the transport limit ends its connection only', async () => {
    const [bad, good] = [await join(transport), await join(transport)]
    const end = new Promise((resolve) => bad.on('disconnect', resolve))
    bad.io.engine.write(Buffer.alloc(MAX_TRANSPORT_BYTES + 1))
    await end
    await call(
      good,
      siteMessages,
      'upload:chunk',
      { upload: 'u', index: 0, chunk: new Uint8Array(3) },
      { timeoutMs: 5000 },
    )
  })

  test.each([
    ['speaks another frame format', undefined],
    [
      'begins with a bad frame',
      {
        ...createParser(),
        Encoder: class {
          encode = () => [Buffer.from('c1', 'hex')]
        },
      },
    ],
  ])('a client that %s is hung up on before it is connected', async (_, parser) => {
    const { port } = coordinator.httpServer.address() as { port: number }
    const stranger: Site = io(`http://127.0.0.1:${port}`, {
      ...(parser && { parser }),
      transports: [transport],
      reconnection: false,
      forceNew: true,
    })
    sites.push(stranger)
    await new Promise<void>((resolve) => stranger.io.on('close', () => resolve()))
    expect(stranger.connected).toBe(false)
    expect(coordinator.of('/').sockets.size).toBe(0)
    await join(transport)
  })
})
