/** @file Cookies: a session's secret, which no script can read and no other site can have sent, and the mark of a sign-in that has begun. */
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { parse } from 'hono/utils/cookie'
import { SESSION_LIFETIME_MS } from './sessions.ts'

export interface SessionCookie {
  read(c: Context): string | undefined
  /** Of a raw header, where there is no context. */
  readHeader(cookies: string | undefined): string | undefined
  write(c: Context, secret: string): void
  clear(c: Context): void
}

/**
 * Builds a session's cookie.
 * @param name Cookies know no ports: two programs on one machine need two names.
 * @param secure It is only ever sent over TLS, which ends here or at a proxy.
 */
export function sessionCookie(name: string, secure: boolean): SessionCookie {
  // The path is the whole host's: what a proxy has put in front of ours is not known here.
  const options = { path: '/', httpOnly: true, sameSite: 'Strict', secure } as const
  const whole = hostName(name, secure)
  return {
    read: (c) => getCookie(c, whole),
    readHeader: (cookies) => (cookies === undefined ? undefined : parse(cookies, whole)[whole]),
    write: (c, secret) => setCookie(c, whole, secret, { ...options, maxAge: SESSION_LIFETIME_MS / 1000 }),
    clear: (c) => void deleteCookie(c, whole, options),
  }
}

/** Which sign-in a browser has begun: it has to come along when the provider, another site, sends the browser back (SameSite=Lax). */
export function oidcCookie(
  name: string,
  secure: boolean,
): { write(c: Context, state: string): void; read(c: Context): string | undefined } {
  const options = { path: '/', httpOnly: true, sameSite: 'Lax', secure } as const
  const whole = hostName(name, secure)
  return {
    write: (c, state) => setCookie(c, whole, state, options),
    read: (c) => getCookie(c, whole),
  }
}

/** A browser takes such a name from this very host over TLS only: another host of the domain, or whoever writes plain HTTP on the way, plants none. */
function hostName(name: string, secure: boolean): string {
  return secure ? `__Host-${name}` : name
}
