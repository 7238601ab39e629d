/** @file A small OpenID Connect provider on this machine: one client, an account that the test chooses, no page of its own. */
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { onTestFinished } from 'vitest'

export interface OidcProvider {
  readonly issuer: string
  readonly clientId: string
  readonly secret: string
  /** Claims of whoever signs in next. */
  account: Record<string, unknown>
  /** What is wrong with the next ID token. */
  fault: 'none' | 'nonce' | 'audience' | 'key'
}

/** Starts it; it ends with the test. */
export async function startOidcProvider(): Promise<OidcProvider> {
  const [key, other] = [await generateKeyPair('ES256'), await generateKeyPair('ES256')]
  const codes = new Map<string, { nonce: string; challenge: string; redirect: string }>()
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', provider.issuer)
    const json = (body: object, status = 200): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    const answer = async (): Promise<void> => {
      if (url.pathname === '/.well-known/openid-configuration') {
        const at = (path: string): string => `${provider.issuer}/${path}`
        json({
          issuer: provider.issuer,
          authorization_endpoint: at('authorize'),
          token_endpoint: at('token'),
          jwks_uri: at('jwks'),
          response_types_supported: ['code'],
          id_token_signing_alg_values_supported: ['ES256'],
        })
      } else if (url.pathname === '/jwks') {
        json({ keys: [{ ...(await exportJWK(key.publicKey)), alg: 'ES256', kid: 'one' }] })
      } else if (url.pathname === '/authorize') {
        const asked = (name: string): string => url.searchParams.get(name) ?? ''
        const redirect = asked('redirect_uri')
        const code = String(codes.size)
        codes.set(code, { nonce: asked('nonce'), challenge: asked('code_challenge'), redirect })
        const back = new URL(redirect)
        back.search = new URLSearchParams({ code, state: asked('state') }).toString()
        response.writeHead(302, { location: back.href }).end()
      } else {
        let body = ''
        for await (const part of request) body += String(part)
        const sent = new URLSearchParams(body)
        const begun = codes.get(sent.get('code') ?? '')
        codes.delete(sent.get('code') ?? '')
        const proof = createHash('sha256')
          .update(sent.get('code_verifier') ?? '')
          .digest('base64url')
        const fits = begun?.challenge === proof && begun.redirect === sent.get('redirect_uri')
        if (!fits || sent.get('client_secret') !== provider.secret)
          return json({ error: 'invalid_grant' }, 400)
        const { fault } = provider
        const nonce = fault === 'nonce' ? 'another' : begun.nonce
        const token = new SignJWT({ ...provider.account, nonce })
          .setProtectedHeader({ alg: 'ES256', kid: 'one' })
          .setIssuer(provider.issuer)
          .setAudience(fault === 'audience' ? 'another' : provider.clientId)
          .setSubject('account-1')
          .setIssuedAt()
          .setExpirationTime('5 minutes')
        const signed = await token.sign((fault === 'key' ? other : key).privateKey)
        json({ access_token: 'of no use here', token_type: 'bearer', id_token: signed })
      }
      return undefined
    }
    void answer()
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => server.close().closeAllConnections())
  const provider: OidcProvider = {
    issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    clientId: 'tessera',
    secret: 'known to both',
    account: {},
    fault: 'none',
  }
  return provider
}
