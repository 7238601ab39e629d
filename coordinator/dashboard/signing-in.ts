/** @file Who is at the page: links and sessions, and what a session's role allows. */
import { join } from 'node:path'
import type { Clock } from '@tessera/shared/clock'
import type { Session as SessionAnswer } from '@tessera/shared/dashboard/coordinator-api'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import {
  createRateLimit,
  makeLink,
  oidcCookie,
  openSessions,
  type Person,
  readJson,
  type Session,
  sessionCookie,
  takeLink,
  type WebApp,
  type WebContext,
} from '@tessera/shared/web'
import { z } from 'zod'
import type { OidcSettings } from '../config.ts'
import { addOidc } from './oidc.ts'

/** Links have 256 bits: this is not against guessing, but against the work that guessing makes. */
const ATTEMPTS = { burst: 10, perMinute: 10 }
/** Of one person. Nobody clicks as fast; a script in a stolen session could. */
const ACTS = { burst: 30, perMinute: 60 }

/** Of one person. A page asks for a past when its study is opened and after each round; one of a long study takes some ten milliseconds to write. */
const READS = { burst: 120, perMinute: 240 }

const signIn = z.strictObject({ link: z.string().max(256) })

export interface SigningIn {
  /** Whoever asks. @throws {TesseraError} ERR_SIGN_IN */
  person(c: WebContext): Session
  /** Whoever asks for more than the live view tells. @throws {TesseraError} ERR_SIGN_IN, ERR_RATE_LIMIT */
  reader(c: WebContext): Session
  /** Whoever asks for something to be done. @throws {TesseraError} ERR_SIGN_IN, ERR_ROLE, ERR_RATE_LIMIT */
  operator(c: WebContext): Session
  /** What names the session of a connection's cookies, null when they have none; counts as its sign of life. */
  sessionOf(cookies: string | undefined): string | null
  close(): Promise<void>
}

export interface SigningInOptions {
  readonly dir: string
  /** Of the coordinator: two of them on one machine have two cookies. */
  readonly fingerprint: string
  /** The page is only ever reached over TLS. */
  readonly secure: boolean
  /** Accounts of the consortium; null: links only. */
  readonly oidc: {
    readonly settings: OidcSettings
    readonly secret: string | null
    readonly url: string
  } | null
  readonly clock: Clock
  readonly log: Log
  readonly addressOf: (c: WebContext) => string
}

/** Where links wait to be used. */
export function linksFolder(dir: string): string {
  return join(dir, 'dashboard', 'links')
}

/** Makes a link, for a command beside a coordinator that runs, or that will: gives what comes after its address. */
export async function signInLink(dir: string, person: Person, clock: Clock): Promise<string> {
  const { secret } = await makeLink(linksFolder(dir), person, clock)
  // Behind the #: what a browser sends to no server, and no proxy can log.
  return `dashboard/#sign-in=${secret}`
}

/** Mounts signing in and out: the page's part below `pages`, the rest below its `api/`. */
export async function addSigningIn(
  app: WebApp,
  pages: string,
  options: SigningInOptions,
): Promise<SigningIn> {
  const { dir, fingerprint, secure, oidc, clock, log, addressOf } = options
  const hasOidc = oidc !== null
  const base = `${pages}api/`
  const sessions = await openSessions(join(dir, 'dashboard', 'sessions.json'), clock)
  const cookieName = `tessera-coordinator-${fingerprint.replaceAll(' ', '').slice(0, 8)}`
  const cookie = sessionCookie(cookieName, secure)
  const attempts = createRateLimit(clock, ATTEMPTS)
  const acts = createRateLimit(clock, ACTS)
  const reads = createRateLimit(clock, READS)

  const person = (c: WebContext): Session => {
    const session = sessions.find(cookie.read(c))
    if (session !== null) return session
    const { code, message } = signedOut()
    throw new TesseraError(code, message)
  }
  const letIn = async (c: WebContext, who: Person): Promise<Session> => {
    // What this browser had before ends here.
    const before = sessions.find(cookie.read(c))
    if (before !== null) await sessions.end(before)
    const { secret, session } = await sessions.begin(who)
    cookie.write(c, secret)
    log.info('operator.signed-in', { operator: session.name, reason: session.role, address: addressOf(c) })
    return session
  }
  const shown = ({ role, name, endsAtMs }: Session): SessionAnswer => ({
    role,
    name,
    endsAtMs,
    oidc: hasOidc,
  })
  app.get(`${base}session`, (c) => {
    const session = sessions.find(cookie.read(c))
    // With the ways in, for who is not.
    return session === null ? c.json({ ...signedOut(), oidc: hasOidc }, 401) : c.json(shown(session))
  })
  const refused = (c: WebContext, thrown: unknown): void => {
    const { code } = asTesseraError(thrown)
    // Ten a minute and an address are worth a line; a flood of them would fill the disk.
    if (code !== 'ERR_RATE_LIMIT') log.warn('operator.refused', { code, address: addressOf(c) })
  }
  app.post(`${base}session`, async (c) => {
    try {
      const { link } = await readJson(c, clock, signIn)
      return c.json(shown(await letIn(c, await takeLink(linksFolder(dir), link, clock))))
    } catch (thrown) {
      // Only what fails counts: who guesses must not keep out who has a link and the same address.
      attempts(addressOf(c))
      refused(c, thrown)
      throw thrown
    }
  })
  app.post(`${base}session/end`, async (c) => {
    await sessions.end(person(c))
    cookie.clear(c)
    return c.json({})
  })
  if (oidc !== null) {
    addOidc(app, pages, {
      ...oidc,
      clock,
      marks: oidcCookie(`${cookieName}-oidc`, secure),
      attempt: (c) => attempts(addressOf(c)),
      letIn,
      refused,
    })
  }
  return {
    person,
    reader(c) {
      const session = person(c)
      reads(session.hash)
      return session
    },
    operator(c) {
      const session = person(c)
      if (session.role !== 'operator') {
        throw new TesseraError('ERR_ROLE', `role must be operator to do this, got ${session.role}`)
      }
      acts(session.hash)
      return session
    },
    sessionOf: (cookies) => sessions.find(cookie.readHeader(cookies))?.hash ?? null,
    close: () => sessions.close(),
  }
}

function signedOut(): { readonly code: 'ERR_SIGN_IN'; readonly message: string } {
  return { code: 'ERR_SIGN_IN', message: 'request must have a session, got none: sign in' }
}
