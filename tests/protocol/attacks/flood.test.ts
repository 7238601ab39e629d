/** @file Too much, too slowly, or nothing at all: what one connection can cost the coordinator. */
import { readFile, writeFile } from 'node:fs/promises'
import { connect as dialTcp, type Socket as TcpSocket } from 'node:net'
import { join } from 'node:path'
import {
  BURST_FRAMES,
  coordinatorMessages,
  createParser,
  encodeFrame,
  FRAMES_PER_SECOND,
  serve,
} from '@tessera/shared/protocol'
import { io, type Socket } from 'socket.io-client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { federation, wholeRound } from '../../coordinator/federation.ts'
import {
  ask,
  codeOf,
  connect,
  coordinatorFolder,
  enrolled,
  joined,
  started,
} from '../../coordinator/raw-site.ts'

/** Short, so that a test can wait for it. */
const HEARTBEAT_MS = 200
/** The connection is closed long before the last of them. */
const MILLION = 1_000_000
const BATCH = 4096

/** The smallest event there is: a name of one letter, no answer wanted. */
const SMALL_EVENT = Buffer.from(encodeFrame({ type: 2, nsp: '/', data: ['x', null] }))

/** The WebSocket below a socket. */
function webSocketBelow(socket: Socket): { pause(): void; terminate(): void } {
  const { ws } = socket.io.engine.transport as unknown as { ws: { pause(): void; terminate(): void } }
  return ws
}

/** Writes events until the connection is closed or all are written; gives how many. */
async function flood(socket: Socket, count: number): Promise<number> {
  let written = 0
  while (written < count && socket.connected) {
    for (let i = 0; i < BATCH && written < count; i++, written++) socket.io.engine.write(SMALL_EVENT)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return written
}

async function withSettings(changes: object): Promise<{ dir: string; url: string; key: string }> {
  const dir = await coordinatorFolder()
  const file = join(dir, 'coordinator.json')
  const settings = JSON.parse(await readFile(file, 'utf8')) as object
  await writeFile(file, JSON.stringify({ ...settings, ...changes }))
  const { url, publicKey } = (await started(dir)).coordinator
  return { dir, url, key: publicKey }
}

const withShortHeartbeat = async (): Promise<string> =>
  (await withSettings({ heartbeatMs: HEARTBEAT_MS })).url

/** Opens a session behind a proxy that names this address; gives what it is told first. */
async function sessionFrom(url: string, address: string): Promise<{ told: string; leave: () => void }> {
  const socket = io(url, {
    parser: createParser(),
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
    extraHeaders: { 'x-forwarded-for': `forged, ${address}` },
  })
  onTestFinished(() => void socket.disconnect())
  const told = await new Promise<string>((resolve) => {
    socket.on('connect_error', () => resolve('no connection'))
    serve(socket, coordinatorMessages, 'session:refused', ({ code, message }) => {
      resolve(`${code}: ${message}`)
      return {}
    })
    serve(socket, coordinatorMessages, 'session:challenge', () => {
      resolve('a challenge')
      return {}
    })
  })
  return { told, leave: () => void socket.disconnect() }
}

function tcpTo(url: string): { socket: TcpSocket; closed: Promise<void>; read: () => string } {
  const { port, hostname } = new URL(url)
  const socket = dialTcp(Number(port), hostname)
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1')
  })
  socket.on('error', () => undefined)
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  return { socket, closed, read: () => text }
}

describe('a million small events', () => {
  test('end their session after the burst, before it has joined and after, and no other', async () => {
    const { url, log, north, south } = await federation()
    const stranger = await connect(url)
    for (const peer of [stranger, north]) {
      expect(await flood(peer.socket, MILLION)).toBeLessThan(MILLION)
      expect((await peer.refused).code).toBe('ERR_RATE_LIMIT')
      await peer.closed
    }
    expect(log.filter(({ code }) => code === 'ERR_RATE_LIMIT')).toHaveLength(2)
    await wholeRound([south], [0.01])
  })

  test('a second gives back what a second may have', async () => {
    const { url, clock } = await federation()
    const { socket, refused } = await connect(url)
    const asked = { sha256: 'a'.repeat(64) }
    const answered = (): Promise<string> => codeOf(ask(socket, 'model:open', asked))
    // The connection has sent its connect packet and the answer to the challenge; one more is the question below.
    await flood(socket, BURST_FRAMES - 3)
    expect(await answered()).toBe('ERR_NOT_JOINED')
    clock.advance(1000)
    await flood(socket, FRAMES_PER_SECOND - 1)
    expect(await answered()).toBe('ERR_NOT_JOINED')
    await flood(socket, 1)
    expect((await refused).code).toBe('ERR_RATE_LIMIT')
  })
})

describe('connections without number', () => {
  test('beyond those that a study needs are refused, and those that are there go on', async () => {
    const { dir, url, key } = await withSettings({ maxSessions: 4 })
    const [north, south] = [
      await joined(url, key, 'north', await enrolled(dir, url, 'north')),
      await joined(url, key, 'south', await enrolled(dir, url, 'south')),
    ]
    const strangers = [await sessionFrom(url, ''), await sessionFrom(url, '')]
    expect(strangers.map(({ told }) => told)).toEqual(['a challenge', 'a challenge'])
    for (let i = 0; i < 20; i++) {
      expect((await sessionFrom(url, '')).told).toBe(
        'ERR_SESSIONS_FULL: coordinator must have at most 4 sessions at once, got one more',
      )
    }
    await wholeRound([north, south], [0.01, 0.02])
    strangers[0]?.leave()
    await expect.poll(async () => (await sessionFrom(url, '')).told).toBe('a challenge')
  })

  test('from one address, as the proxy names it, are refused, and other addresses get in', async () => {
    const { url } = await withSettings({
      url: 'https://fl.example.org',
      proxy: true,
      maxSessionsPerAddress: 2,
    })
    const told = async (address: string): Promise<string> => (await sessionFrom(url, address)).told
    expect([await told('203.0.113.1'), await told('203.0.113.1')]).toEqual(['a challenge', 'a challenge'])
    expect(await told('203.0.113.1')).toBe(
      'ERR_SESSIONS_FULL: one address must have at most 2 sessions at once, got one more',
    )
    expect(await told('203.0.113.2')).toBe('a challenge')
  })

  test('that say nothing are hung up on as they come, when there are more than sessions could need', async () => {
    // So long that nothing else hangs up on them during this test.
    const { url } = await withSettings({ maxSessions: 3, heartbeatMs: 60_000 })
    const silent = Array.from({ length: 30 }, () => tcpTo(url))
    let closed = 0
    for (const { closed: end } of silent) void end.then(() => closed++)
    await expect.poll(() => closed).toBe(30 - 4 * 3)
    for (const { socket } of silent) socket.destroy()
    await expect.poll(async () => (await sessionFrom(url, '')).told).toBe('a challenge')
  })
})

describe('a slow reader', () => {
  test('that asks and never reads is hung up on; what waits for it is bounded', async () => {
    const { log, north, south } = await federation()
    const { base } = await north.offer()
    const ws = webSocketBelow(north.socket)
    ws.pause()
    // It would never hear that the coordinator closes.
    onTestFinished(() => ws.terminate())
    const asked = { sha256: base, index: 0 }
    const hungUp = () => log.find(({ code, site }) => code === 'ERR_RATE_LIMIT' && site === 'north')
    // Its system takes some megabytes before anything waits: hence so many, and an answer may have 141 kB.
    for (let i = 0; i < BURST_FRAMES - 10 && hungUp() === undefined; i++) {
      north.socket.emit('model:chunk', asked, () => undefined)
      if (i % 4 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await expect
      .poll(hungUp)
      .toMatchObject({ event: 'session.refused', reason: expect.stringContaining('read') })
    await wholeRound([south], [0.01])
  })
})

describe('a slow writer', () => {
  test('whose message never ends is hung up on by the heartbeat', async () => {
    const { socket, read } = tcpTo(await withShortHeartbeat())
    socket.write(
      [
        'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1',
        'Host: x',
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
        '\r\n',
      ].join('\r\n'),
    )
    await expect.poll(read).toContain('101 Switching Protocols')
    // A masked binary message that claims a megabyte, of which a byte comes now and then.
    socket.write(Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 2, 3, 4]))
    const drip = setInterval(() => socket.write(Buffer.from([0])), HEARTBEAT_MS / 10)
    onTestFinished(() => clearInterval(drip))
    // The WebSocket's own farewell: the session is over, whether or not the other end answers it.
    await expect.poll(read).toContain('\x88')
  })

  test('whose request head never ends is hung up on as soon', async () => {
    const { socket, closed } = tcpTo(await withShortHeartbeat())
    socket.write('GET /socket.io/ HTTP/1.1\r\nHost: x\r\n')
    const drip = setInterval(() => socket.write('X-A: b\r\n'), HEARTBEAT_MS / 10)
    onTestFinished(() => clearInterval(drip))
    await closed
  })
})

describe('a connection that says nothing', () => {
  test('not even a request is hung up on', async () => {
    await tcpTo(await withShortHeartbeat()).closed
  })

  test('after it has left its session is hung up on', async () => {
    const { url, key, keys } = await federation()
    const site = await joined(url, key, 'north', keys.north)
    const { engine } = site.socket.io
    const closed = new Promise<void>((resolve) => engine.on('close', () => resolve()))
    // The packet, without the client's own farewell: it would close the connection itself.
    engine.write(Buffer.from(encodeFrame({ type: 1, nsp: '/' })))
    await closed
  })
})
