/** @file A TCP proxy on 127.0.0.1 that holds back what a client sends, from some byte on, until it is told to go on: nothing is lost. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface HoldingProxy {
  readonly url: string
  /** Resolves when the clients have sent so many bytes; no more of them get through. */
  readonly held: Promise<void>
  release(): void
}

/** Starts one in front of an address; it ends with the test. @param afterBytes Of all clients together. */
export async function holdingProxy(target: string, afterBytes: number): Promise<HoldingProxy> {
  const sockets = new Set<Socket>()
  const clients = new Set<Socket>()
  let [sent, released] = [0, false]
  let tellHeld: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    tellHeld = resolve
  })
  const { hostname, port: targetPort } = new URL(target)
  const server = createServer((client) => {
    const upstream = connect(Number(targetPort), hostname)
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => other.destroy())
    }
    clients.add(client)
    client.on('data', (bytes: Buffer) => {
      upstream.write(bytes)
      sent += bytes.byteLength
      if (released || sent < afterBytes) return
      for (const one of clients) one.pause()
      tellHeld()
    })
    upstream.on('data', (bytes: Buffer) => client.write(bytes))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    held,
    release() {
      released = true
      for (const client of clients) client.resume()
    },
  }
}
