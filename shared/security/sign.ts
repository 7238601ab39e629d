/**
 * @file Signed parts: a payload of shared/protocol/signed.ts as compact JWS (RFC 7515), signed with Ed25519 (RFC 8037).
 *
 * The header is exactly `{ alg: 'EdDSA', typ: <kind> }`. The algorithm is pinned, so no token can choose a weaker one; the kind is
 * signed, so no token can be taken for one of another kind; the signature's text has one form only, so that the hash of a
 * token names it.
 */
import { CompactSign, type CryptoKey, compactVerify, decodeProtectedHeader, importJWK } from 'jose'
import { TesseraError } from '../errors.ts'
import { explain } from '../protocol/explain.ts'
import { MAX_TOKEN_CHARACTERS } from '../protocol/limits.ts'
import { type Signed, type SignedKind, signedPayloads } from '../protocol/signed.ts'
import { SIGNATURE_ALGORITHM } from './keys.ts'

/**
 * Signs a payload.
 * @throws {TesseraError} ERR_MESSAGE_INVALID if the payload does not fit its schema or is too large to send.
 */
export async function signPayload<K extends SignedKind>(
  kind: K,
  payload: Signed<K>,
  privateKey: CryptoKey,
): Promise<string> {
  const text = JSON.stringify(checked(kind, payload))
  const token = await new CompactSign(new TextEncoder().encode(text))
    .setProtectedHeader({ alg: SIGNATURE_ALGORITHM, typ: kind })
    .sign(privateKey)
  assertToken(kind, token)
  return token
}

/**
 * Gives the payload of a token that its signer signed. Order of the checks: size, header, signature, schema; where the payload has to say whose
 * key it is, the schema comes before the signature.
 * @param signer Public key, or what picks it by what the token claims.
 * @throws {TesseraError} ERR_SIGNATURE_INVALID if the token is not such a token of this kind and key; ERR_MESSAGE_INVALID if it is no
 * text, is too long, or if its payload does not fit its schema.
 */
export async function verifyPayload<K extends SignedKind>(
  kind: K,
  token: unknown,
  signer: string | ((claimed: Signed<K>) => string),
): Promise<Signed<K>> {
  assertToken(kind, token)
  assertHeader(kind, token)
  const claimed = typeof signer === 'string' ? null : parsePayload(kind, payloadOf(token))
  const publicKey = typeof signer === 'string' ? signer : signer(claimed as Signed<K>)
  let payload: Uint8Array
  try {
    const key = await importedKey(publicKey)
    payload = (await compactVerify(token, key, { algorithms: [SIGNATURE_ALGORITHM] })).payload
  } catch (cause) {
    throw new TesseraError(
      'ERR_SIGNATURE_INVALID',
      `${kind} must be signed by its sender, got another signature`,
      {
        cause,
      },
    )
  }
  // The signature is over the text that the claim was read from. A record of a thousand sites takes milliseconds to read: once is enough.
  return claimed ?? parsePayload(kind, payload)
}

/** A site verifies with its coordinator's key, a coordinator with those of its sites: those of the largest consortium, some 300 bytes each. */
const KEYS_KEPT = 1024
const imported = new Map<string, ReturnType<typeof importJWK>>()

/** Public keys as the engine of the signatures takes them: importing one costs a third of a verification. Who floods it makes others import theirs again. */
function importedKey(publicKey: string): ReturnType<typeof importJWK> {
  const known = imported.get(publicKey)
  if (known !== undefined) return known
  const key = importJWK({ kty: 'OKP', crv: 'Ed25519', x: publicKey }, SIGNATURE_ALGORITHM)
  imported.set(publicKey, key)
  key.catch(() => imported.delete(publicKey))
  for (const oldest of imported.keys()) {
    if (imported.size <= KEYS_KEPT) break
    imported.delete(oldest)
  }
  return key
}

/**
 * Gives the payload of a token whose signature nobody has checked. Good only to learn whose key to check it with.
 * @throws {TesseraError} ERR_SIGNATURE_INVALID if it is no token of this kind; ERR_MESSAGE_INVALID if its payload does not fit its schema.
 */
export function readUnverified<K extends SignedKind>(kind: K, token: unknown): Signed<K> {
  assertToken(kind, token)
  assertHeader(kind, token)
  return parsePayload(kind, payloadOf(token))
}

function payloadOf(token: string): Uint8Array {
  return Buffer.from(token.split('.')[1] ?? '', 'base64url')
}

function assertToken(kind: SignedKind, token: unknown): asserts token is string {
  if (typeof token !== 'string') {
    throw new TesseraError('ERR_MESSAGE_INVALID', `${kind} must be a text, got ${typeof token}`)
  }
  if (token.length > MAX_TOKEN_CHARACTERS) {
    throw new TesseraError(
      'ERR_MESSAGE_INVALID',
      `${kind} must have at most ${MAX_TOKEN_CHARACTERS} characters, got ${token.length}`,
    )
  }
}

/** 64 bytes in base64url: the last of 86 characters carries 2 bits, so only A, Q, g and w leave none over. */
const COMPACT_JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]$/

function assertHeader(kind: SignedKind, token: string): void {
  const refuse = (got: string): never => {
    throw new TesseraError('ERR_SIGNATURE_INVALID', `${kind} must be a compact JWS of its kind, got ${got}`)
  }
  if (!COMPACT_JWS.test(token)) return refuse('another text')
  let header: Record<string, unknown>
  try {
    header = decodeProtectedHeader(token)
  } catch {
    return refuse('a header that is no JSON object')
  }
  const { alg, typ, ...rest } = header
  if (alg !== SIGNATURE_ALGORITHM) return refuse('another algorithm')
  if (typ !== kind) return refuse('another kind')
  if (Object.keys(rest).length > 0) return refuse('a header with more fields than alg and typ')
}

function parsePayload<K extends SignedKind>(kind: K, payload: Uint8Array): Signed<K> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
  } catch (cause) {
    throw new TesseraError('ERR_MESSAGE_INVALID', `${kind} must hold JSON, got another text`, { cause })
  }
  return checked(kind, value)
}

function checked<K extends SignedKind>(kind: K, value: unknown): Signed<K> {
  const result = signedPayloads[kind].safeParse(value)
  if (!result.success) {
    throw new TesseraError('ERR_MESSAGE_INVALID', `${kind} must fit its schema, got ${explain(result.error)}`)
  }
  // zod's own type of a union of schemas is the union of their outputs; `kind` picks one.
  return result.data as Signed<K>
}
