/** @file The port that everything comes in by: HTTP, or HTTPS with the coordinator's certificate. What answers on it may change while it is open. */
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { TesseraError } from '@tessera/shared/errors'
import { listener, type WebApp } from '@tessera/shared/web'
import { type ConnectionLimits, limitConnections } from '../connections.ts'

export interface PortOptions {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  /** Undefined: plain HTTP. */
  readonly tls: ServerOptions | undefined
  readonly heartbeatMs: number
  readonly limits: ConnectionLimits
  /** All connections come from one address. */
  readonly proxy: boolean
  /** Answers first. */
  readonly app: WebApp
}

export interface Port {
  readonly http: ReturnType<typeof createServer> | ReturnType<typeof createTlsServer>
  readonly number: number
  /** `http://host:port`, or `https:`. */
  readonly url: string
  /** From now on `app` answers. */
  answerWith(app: WebApp): void
  /** Takes no more connections and ends those that there are. */
  hangUp(): void
}

/** Opens it. @throws {TesseraError} ERR_CONFIG_INVALID if it is taken. */
export async function openPort(options: PortOptions): Promise<Port> {
  const { host, port, tls, heartbeatMs, limits, proxy, app } = options
  // Who has not said what he wants within two heartbeats is as dead as who misses one.
  const patience = { headersTimeout: 2 * heartbeatMs, connectionsCheckingInterval: heartbeatMs }
  let pages = listener(app)
  const answer: RequestListener = (request, response) => void pages(request, response)
  const http = tls ? createTlsServer({ ...tls, ...patience }, answer) : createServer(patience, answer)
  limitConnections(http, limits, proxy)
  await listen(http, port, host).catch((cause: unknown) => {
    const reason = (cause as NodeJS.ErrnoException).code
    throw new TesseraError('ERR_CONFIG_INVALID', `port must be free, got ${reason} for ${host}:${port}`, {
      cause,
    })
  })
  const { port: number } = http.address() as AddressInfo
  return {
    http,
    number,
    url: `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${number}`,
    answerWith(next) {
      pages = listener(next)
    },
    hangUp() {
      http.close()
      http.closeAllConnections()
    },
  }
}

function listen(http: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', reject)
    http.listen(port, host, () => {
      http.off('error', reject)
      resolve()
    })
  })
}
