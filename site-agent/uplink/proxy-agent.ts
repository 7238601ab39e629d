/**
 * @file The way out through a hospital's HTTP proxy: a tunnel by CONNECT, and TLS inside it as without a proxy. The proxy learns the
 * coordinator's host and port, unless it has a certificate authority that this site was told to believe.
 */
import type { ClientRequest } from 'node:http'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { TesseraError } from '@tessera/shared/errors'
import { isLoopback } from '@tessera/shared/protocol'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { getProxyForUrl } from 'proxy-from-env'
import { connectPinned } from './tls-agent.ts'
import type { Transport } from './transport.ts'

/**
 * Gives the proxy to go through: the site's own setting, else what HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say, which every other program of the
 * machine obeys too. This machine itself is never asked for through the environment's proxy.
 * @throws {TesseraError} ERR_CONFIG_INVALID if it is no http or https address.
 */
export function proxyFor(url: string, { proxy }: Transport): URL | null {
  const address = proxy ?? (isLoopback(new URL(url).hostname) ? '' : getProxyForUrl(url))
  if (address === '') return null
  const parsed = URL.canParse(address) ? new URL(address) : null
  if (parsed && /^https?:$/.test(parsed.protocol)) return parsed
  throw new TesseraError(
    'ERR_CONFIG_INVALID',
    `proxy must be an http or https address, got ${parsed ? parsed.protocol : 'another text'}`,
  )
}

type Connect = HttpsProxyAgent<string>['connect']

/** Opens each connection through a tunnel. */
export class TunnelAgent extends HttpsProxyAgent<string> {
  readonly #tls: ConnectionOptions
  readonly #pin: string | undefined

  constructor(proxy: URL, tls: ConnectionOptions, pin: string | undefined) {
    super(proxy.href, tls.ca === undefined ? {} : { ca: tls.ca })
    this.#tls = tls
    this.#pin = pin
  }

  override async connect(request: ClientRequest, options: Parameters<Connect>[1]): ReturnType<Connect> {
    const { host = '', port } = options as { host?: string; port: number }
    let status = 0
    request.once('proxyConnect', ({ statusCode }: { statusCode: number }) => {
      status = statusCode
    })
    // Plain, whatever is asked for: TLS inside the tunnel is ours, because it may go by a pin.
    const tunnel = await super
      .connect(request, { ...options, secureEndpoint: false })
      .catch((cause: NodeJS.ErrnoException) => {
        throw noTunnel(host, port, cause.code ?? 'no answer', cause)
      })
    if (status !== 200) {
      tunnel.destroy()
      throw noTunnel(
        host,
        port,
        `HTTP status ${status}${status === 407 ? ', it wants a user and a password' : ''}`,
      )
    }
    if (!options.secureEndpoint) return tunnel
    return this.#secured({ ...this.#tls, ...serverName(host), host, socket: tunnel })
  }

  #secured(options: ConnectionOptions): Promise<TLSSocket> | TLSSocket {
    const pin = this.#pin
    if (pin === undefined) return connect(options)
    return new Promise((resolve, reject) => {
      const socket = connectPinned(options, pin, (error) => (error ? reject(error) : resolve(socket)))
    })
  }
}

/** Not for an address: RFC 6066, section 3, has names only. */
function serverName(host: string): { servername?: string } {
  return /^[\d.]+$|:/.test(host) ? {} : { servername: host }
}

function noTunnel(host: string, port: number, got: string, cause?: Error): TesseraError {
  const message = `proxy must open a tunnel to ${host}:${port}, got ${got}`
  return new TesseraError('ERR_PROXY_TUNNEL', message, { cause })
}
