/**
 * @file Only pages of this server may ask it anything: requests must come under one of its own names (a name that somebody has made lead here is none,
 * DNS rebinding), and what changes something must come from a page of its own, as JSON or bytes, which no form of another page can send.
 */
import { isIP } from 'node:net'
import type { MiddlewareHandler } from 'hono'
import { TesseraError } from '../errors.ts'
import { isLoopback } from '../protocol/loopback.ts'

const BODY_TYPES: ReadonlySet<string> = new Set(['application/json', 'application/octet-stream'])
/** They change nothing here. */
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD'])

/** What is this server's. */
export interface OwnPages {
  /** Host names, without port. Loopback and addresses always are: a browser looks neither up at a stranger's. */
  readonly names: ReadonlySet<string>
  /** Where its pages are when a proxy hands on another name: with the port, unless it is the scheme's own. Another port is another program. */
  readonly hosts: ReadonlySet<string>
  /** They come over TLS only: what comes as plain HTTP anybody on the way has written. */
  readonly secure: boolean
}

/** What is needed to tell; also at a WebSocket's handshake. */
export interface Asked {
  readonly host: string | undefined
  readonly origin: string | undefined
}

/** Refuses requests under other names, and what changes something from other pages. */
export function ownPagesOnly(own: OwnPages): MiddlewareHandler {
  return async ({ req }, next) => {
    const asked = { host: req.header('host'), origin: req.header('origin') }
    assertOwnName(asked, own)
    if (!READING.has(req.method)) {
      assertOwnPage(asked, own)
      const type = req.header('content-type')?.split(';')[0]?.trim().toLowerCase() ?? ''
      if (!BODY_TYPES.has(type)) throw foreign('say its content type, JSON or bytes', 'another')
    }
    await next()
  }
}

/** @throws {TesseraError} ERR_ORIGIN */
export function assertOwnName({ host }: Pick<Asked, 'host'>, { names }: OwnPages): void {
  const name = host === undefined ? undefined : parseUrl(`http://${host}`)?.hostname
  if (name === undefined || !isOwn(name, names))
    throw foreign('come under a name of this server, see docs/dashboard.md', 'another')
}

/** What a browser says itself of the page that asks. @throws {TesseraError} ERR_ORIGIN */
export function assertOwnPage({ host, origin }: Asked, { hosts, secure }: OwnPages): void {
  const from = origin === undefined ? null : parseUrl(origin)
  if (from !== null && (!secure || from.protocol === 'https:' || isLoopback(from.hostname))) {
    // To the port, since a neighbour on this machine is not us.
    const here = parseUrl(`${from.protocol}//${host}`)
    if (from.host === here?.host || hosts.has(from.host)) return
  }
  throw foreign('come from a page of this server', origin === undefined ? 'none' : 'another')
}

function isOwn(name: string, names: ReadonlySet<string>): boolean {
  return name === 'localhost' || isIP(name.replace(/^\[|\]$/g, '')) !== 0 || names.has(name)
}

function parseUrl(url: string): URL | null {
  return URL.canParse(url) ? new URL(url) : null
}

function foreign(rule: string, got: string): TesseraError {
  return new TesseraError('ERR_ORIGIN', `request must ${rule}, got ${got}`)
}
