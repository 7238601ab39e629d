/**
 * @file Signing in with the consortium's own accounts (OpenID Connect, authorization code with PKCE): the provider says who somebody is, and a claim of
 * its says which role that is here. Nothing else of the account is kept.
 */

import type { Clock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { isLoopback } from '@tessera/shared/protocol'
import type { Person, WebApp, WebContext } from '@tessera/shared/web'
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  discovery,
  enableNonRepudiationChecks,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client'
import type { OidcSettings } from '../config.ts'

/** From the click to the way back: a password and a second factor. */
const RETURN_WITHIN_MS = 10 * 60_000
/** Begun and not ended: a record is some 200 bytes, and the oldest gives way. */
const MAX_BEGUN = 1000
/** What the claim and the name are in, with most providers. */
const SCOPE = 'openid profile email'

interface Begun {
  readonly verifier: string
  readonly nonce: string
  readonly untilMs: number
}

export interface OidcOptions {
  readonly settings: OidcSettings
  /** Of the coordinator, as browsers reach it; the provider has to know `<url>/dashboard/sign-in/back`. */
  readonly url: string
  /** Null: a client without a secret, which PKCE alone protects. */
  readonly secret: string | null
  readonly clock: Clock
  /** Which browser has begun: a cookie that comes along on the way back. */
  readonly marks: { write(c: WebContext, state: string): void; read(c: WebContext): string | undefined }
  /** @throws {TesseraError} ERR_RATE_LIMIT */
  readonly attempt: (c: WebContext) => void
  readonly letIn: (c: WebContext, person: Person) => Promise<unknown>
  readonly refused: (c: WebContext, thrown: unknown) => void
}

/** Mounts the way there and back below `base`. */
export function addOidc(app: WebApp, base: string, options: OidcOptions): void {
  const { settings, url, secret, clock, marks, attempt, letIn, refused } = options
  const back = `${url.replace(/\/$/, '')}${base}sign-in/back`
  const begun = new Map<string, Begun>()
  let provider: Promise<Configuration> | null = null
  const providerNow = (): Promise<Configuration> => {
    provider ??= discover(settings, secret).catch((cause: unknown) => {
      // It may be there again when the next one asks.
      provider = null
      throw new TesseraError('ERR_SIGN_IN_PROVIDER', 'sign-in provider must answer, got no answer', { cause })
    })
    return provider
  }
  app.get(`${base}sign-in`, async (c) => {
    attempt(c)
    const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()]
    const parameters = {
      redirect_uri: back,
      scope: SCOPE,
      state,
      nonce,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    }
    const there = buildAuthorizationUrl(await providerNow(), parameters)
    const [oldest] = begun.keys()
    if (begun.size >= MAX_BEGUN && oldest !== undefined) begun.delete(oldest)
    begun.set(state, { verifier, nonce, untilMs: clock.now() + RETURN_WITHIN_MS })
    marks.write(c, state)
    return c.redirect(there.href)
  })
  app.get(`${base}sign-in/back`, async (c) => {
    try {
      attempt(c)
      const state = c.req.query('state') ?? ''
      const known = begun.get(state)
      begun.delete(state)
      if (known === undefined || known.untilMs <= clock.now() || marks.read(c) !== state) {
        throw new TesseraError(
          'ERR_SIGN_IN',
          'sign-in must be ended where it was begun, got another: begin again',
        )
      }
      await letIn(c, await whoIs(await providerNow(), here(back, c), known, state, settings))
      return c.redirect('../')
    } catch (thrown) {
      refused(c, thrown)
      throw thrown
    }
  })
}

async function discover({ issuer, clientId }: OidcSettings, secret: string | null): Promise<Configuration> {
  const server = new URL(issuer)
  // A provider on this machine, as in tests; any other has TLS, or its word would be anybody's.
  const insecure = server.protocol === 'http:' && isLoopback(server.hostname) ? [allowInsecureRequests] : []
  // The token's own signature too, and not its connection alone: a proxy of the hospital may end TLS in between.
  const execute = [enableNonRepudiationChecks, ...insecure]
  return discovery(server, clientId, secret ?? undefined, undefined, { execute })
}

/** Asks the provider for what the code on the way back stands for. @throws {TesseraError} ERR_SIGN_IN, ERR_ROLE */
async function whoIs(
  provider: Configuration,
  url: URL,
  { verifier, nonce }: Begun,
  state: string,
  { roleClaim, roles, nameClaim }: OidcSettings,
): Promise<Person> {
  const checks = {
    pkceCodeVerifier: verifier,
    expectedNonce: nonce,
    expectedState: state,
    idTokenExpected: true,
  }
  const claims = await authorizationCodeGrant(provider, url, checks).then(
    (tokens) => tokens.claims(),
    (cause: unknown) => {
      throw new TesseraError('ERR_SIGN_IN', 'sign-in provider must vouch for the account, got a refusal', {
        cause,
      })
    },
  )
  const given = [claims?.[roleClaim]].flat().filter((value) => typeof value === 'string')
  const role = (['operator', 'viewer'] as const).find((role) =>
    roles[role].some((value) => given.includes(value)),
  )
  if (claims === undefined || role === undefined) {
    throw new TesseraError('ERR_ROLE', 'account must have a role for this coordinator, got none')
  }
  const named = claims[nameClaim]
  return { role, name: (typeof named === 'string' && named !== '' ? named : claims.sub).slice(0, 128) }
}

/** The address of the way back as the browser knows it, which a proxy may have changed. */
function here(back: string, c: WebContext): URL {
  const url = new URL(back)
  url.search = new URL(c.req.url).search
  return url
}
