import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createParser } from '@tessera/shared/protocol'
import { Server } from 'socket.io'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type DialledSocket, dialOver } from '../../../site-agent/uplink/socket.ts'

/** A coordinator that only listens, and a socket whose frames wait for `recorded`. */
async function wire(
  recorded: () => Promise<void>,
  transport: 'websocket' | 'polling',
): Promise<{ heard: unknown[]; socket: DialledSocket }> {
  const http = createServer()
  const server = new Server(http, { parser: createParser(), transports: [transport], serveClient: false })
  const heard: unknown[] = []
  server.on('connection', (peer) => {
    heard.push('connect')
    peer.onAny((event: string, reply?: () => void) => {
      heard.push(event)
      reply?.()
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  const socket = dialOver()(`http://127.0.0.1:${port}`, { ...createParser(), recorded })
  onTestFinished(async () => {
    socket.disconnect()
    await server.close()
  })
  return { heard, socket }
}

describe.each(['websocket', 'polling'] as const)('a socket over %s', (transport) => {
  test('sends no frame before it is recorded, and then all of them in order', async () => {
    const waiting: (() => void)[] = []
    const { heard, socket } = await wire(() => new Promise((resolve) => waiting.push(resolve)), transport)
    await expect.poll(() => waiting.length).toBe(1)
    expect(heard).toEqual([])
    waiting[0]?.()
    await expect.poll(() => heard).toEqual(['connect'])
    await expect.poll(() => socket.connected).toBe(true)
    for (const event of ['a', 'b', 'c']) socket.emit(event)
    // The first waits alone; what comes meanwhile goes with the next write, once.
    await expect.poll(() => waiting.length).toBe(2)
    waiting[1]?.()
    await expect.poll(() => waiting.length).toBe(3)
    await expect.poll(() => heard).toEqual(['connect', 'a'])
    waiting[2]?.()
    await expect.poll(() => heard).toEqual(['connect', 'a', 'b', 'c'])
    const answered = new Promise((resolve) => socket.emit('end', resolve))
    await expect.poll(() => waiting.length).toBe(4)
    waiting[3]?.()
    await answered
    expect(heard).toEqual(['connect', 'a', 'b', 'c', 'end'])
  })

  test('ends the connection when a frame cannot be recorded', async () => {
    let fails = false
    const { heard, socket } = await wire(
      () => (fails ? Promise.reject(new Error('disk full')) : Promise.resolve()),
      transport,
    )
    await expect.poll(() => socket.connected).toBe(true)
    const ends: unknown[] = []
    socket.on('disconnect', (reason) => ends.push(reason))
    fails = true
    socket.emit('a')
    await expect.poll(() => ends).toEqual(['transport error'])
    expect(heard).toEqual(['connect'])
  })
})
