import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { io } from 'socket.io-client'
import { expect, onTestFinished, test } from 'vitest'
import { type LiveServer, serveLive, type ViewNow } from '../../../coordinator/dashboard/live.ts'
import { fakeClock } from '../../support/fake-clock.ts'

test('a page that does not read is hung up on, and takes no more memory than the frames that may wait', async () => {
  const clock = fakeClock()
  const http = createServer()
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve)
  })
  const server: LiveServer = new Server(http)
  let made = 0
  // A view of 64 kB that is another each time.
  const viewNow = (() => ({
    coordinator: { text: String(made++).padEnd(64 * 1024) },
    studies: {},
    sites: {},
    watched: null,
    members: {},
  })) as unknown as ViewNow
  const live = serveLive(server, { viewNow, hasStudy: () => false, sessionOf: () => 'a session', clock })
  onTestFinished(async () => {
    live.close()
    await server.close()
  })
  const left = new Promise<string>((resolve) => {
    server.on('connection', (socket) => void socket.on('disconnect', (reason) => resolve(reason)))
  })
  const page = io(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, {
    transports: ['websocket'],
    reconnection: false,
  })
  onTestFinished(() => void page.disconnect())
  await new Promise<void>((resolve) => {
    page.on('snapshot', () => resolve())
  })
  const { ws } = page.io.engine.transport as unknown as {
    ws: { pause: () => void; resume: () => void }
  }
  ws.pause()
  const connected = (): number => server.sockets.sockets.size
  for (let i = 0; i < 2000 && connected() > 0; i++) {
    live.changed()
    clock.advance(300)
    // What has been written leaves the process as far as the system takes it.
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
  expect(await left).toBe('server namespace disconnect')
  // The system's own buffers take some megabytes besides.
  expect(made).toBeLessThan(600)
  // Or its connection would wait half a minute for its farewell.
  ws.resume()
})
