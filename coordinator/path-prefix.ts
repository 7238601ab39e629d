/** @file An address with a path, as behind a proxy that serves several programs: some proxies take the path off, others pass it on. */
import type { IncomingMessage, Server } from 'node:http'

/**
 * Takes the path of the coordinator's own address off each request that has it. Called when everything that listens to the server does so: it has to
 * hear of a request first.
 * @param url As sites use it.
 */
export function takeOffPrefix(server: Pick<Server, 'prependListener'>, url: string): void {
  const prefix = new URL(url).pathname.replace(/\/+$/, '')
  if (prefix === '') return
  const shorten = (request: IncomingMessage): void => {
    const { url: target = '' } = request
    if (target.startsWith(`${prefix}/`)) request.url = target.slice(prefix.length)
  }
  server.prependListener('request', shorten)
  server.prependListener('upgrade', shorten)
}
