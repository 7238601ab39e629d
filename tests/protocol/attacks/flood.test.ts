/** @file Too much, too slowly, or nothing at all: what one connection can cost the coordinator. */
import { readFile, writeFile } from 'node:fs/promises'
import { connect as dialTcp, type Socket as TcpSocket } from 'node:net'
import { join } from 'node:path'
import { BURST_FRAMES, encodeFrame, FRAMES_PER_SECOND } from '@tessera/shared/protocol'
import type { Socket } from 'socket.io-client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { federation, wholeRound } from '../../coordinator/federation.ts'
import { ask, codeOf, connect, coordinatorFolder, joined, started } from '../../coordinator/raw-site.ts'

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

async function withShortHeartbeat(): Promise<string> {
  const dir = await coordinatorFolder()
  const file = join(dir, 'coordinator.json')
  const settings = JSON.parse(await readFile(file, 'utf8')) as object
  await writeFile(file, JSON.stringify({ ...settings, heartbeatMs: HEARTBEAT_MS }))
  return (await started(dir)).coordinator.url
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
