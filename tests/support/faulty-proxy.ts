/** @file A TCP proxy on 127.0.0.1 that loses connections, or answers only, when it is told to. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface FaultyProxy {
  readonly port: number
  /** Breaks every connection that is open now, at both ends. */
  cut(): void
  /** Breaks them towards the client only: the server goes on believing in them. */
  cutClients(): void
  /** The next answer of the server is lost, and with it its connection. */
  loseNextAnswer(): void
  /** Refuses new connections, or takes them again. */
  refuse(refused: boolean): void
  close(): Promise<void>
}

/** Starts a proxy in front of a port of this machine. */
export async function faultyProxy(targetPort: number): Promise<FaultyProxy> {
  const [clients, targets] = [new Set<Socket>(), new Set<Socket>()]
  let [losing, refusing] = [false, false]
  const server = createServer((client) => {
    if (refusing) {
      client.destroy()
      return
    }
    const target = connect(targetPort, '127.0.0.1')
    clients.add(client.on('error', () => undefined))
    targets.add(target.on('error', () => undefined))
    client.on('data', (chunk: Buffer) => target.write(chunk)).on('end', () => target.end())
    target.on('data', (chunk: Buffer) => {
      if (losing) client.destroy()
      else client.write(chunk)
      losing = false
    })
    target.on('close', () => client.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const destroy = (sockets: Set<Socket>): void => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      destroy(clients)
      destroy(targets)
    },
    cutClients: () => destroy(clients),
    loseNextAnswer() {
      losing = true
    },
    refuse(refused) {
      refusing = refused
    },
    async close() {
      destroy(clients)
      destroy(targets)
      server.close()
      await once(server, 'close')
    },
  }
}
