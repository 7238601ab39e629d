/** @file A port for a program that must be told one before it listens. */
import { createServer } from 'node:net'

/** Nobody had it a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('a listening server must have a port')
  return address.port
}
