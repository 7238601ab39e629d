/** @file A port for a server that must have the same one each time that it starts. */
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Gives one that nothing listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
