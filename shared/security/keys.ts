/**
 * @file Ed25519 key pairs. The private key is made where it is used and never leaves that machine: its file is a JWK
 * (RFC 8037) that only its owner may read.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { type CryptoKey, exportJWK, generateKeyPair as generate, importJWK } from 'jose'
import { z } from 'zod'
import { TesseraError } from '../errors.ts'
import { sha256Hex } from './digest.ts'
import { createSecretFile } from './private-file.ts'

/** The one signature algorithm of Tessera, by its name in JOSE (RFC 8037). The curve is Ed25519. */
export const SIGNATURE_ALGORITHM = 'EdDSA'

export interface KeyPair {
  /** base64url of the 32 bytes: the name a peer is known by. */
  readonly publicKey: string
  readonly privateKey: CryptoKey
}

const keyBytes = z.string().regex(/^[A-Za-z0-9_-]{43}$/)
const privateJwk = z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: keyBytes, d: keyBytes })

/** Makes a new key pair from the machine's random source. */
export async function generateKeyPair(): Promise<KeyPair> {
  const { privateKey } = await generate(SIGNATURE_ALGORITHM, { crv: 'Ed25519', extractable: true })
  const { x } = await exportJWK(privateKey)
  if (x === undefined) throw new TesseraError('ERR_INTERNAL', 'internal: a new key pair has no public part')
  return { publicKey: x, privateKey }
}

/**
 * Writes the private key to `file` with mode 0600, whole or not at all.
 * @throws {TesseraError} ERR_KEY_FILE if the file exists: a key that is overwritten is an identity that is lost.
 */
export async function savePrivateKey(file: string, pair: KeyPair): Promise<void> {
  const { kty, crv, x, d } = await exportJWK(pair.privateKey)
  await createSecretFile(file, `${JSON.stringify({ kty, crv, x, d })}\n`).catch((cause: unknown) => {
    const reason = (cause as NodeJS.ErrnoException).code
    throw new TesseraError('ERR_KEY_FILE', `key file must be new and its folder writable, got ${reason}`, {
      cause,
    })
  })
}

/**
 * Reads a key pair that {@link savePrivateKey} wrote.
 * @throws {TesseraError} ERR_KEY_FILE if it is missing, is not an Ed25519 private key, holds two parts that do not belong together,
 * or if anyone but its owner may read it.
 */
export async function loadPrivateKey(file: string): Promise<KeyPair> {
  const { mode } = await stat(file).catch((cause: unknown) => {
    throw keyFileError('must exist', String((cause as NodeJS.ErrnoException).code), cause)
  })
  // Windows has no such bits: there the folder's own permissions protect the file.
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw keyFileError('must have mode 0600', `0${(mode & 0o777).toString(8)}`)
  }
  const jwk = parseJwk(await readFile(file, 'utf8'))
  const publicKey = createPublicKey(createPrivateKey({ key: { ...jwk }, format: 'jwk' })).export({
    format: 'jwk',
  }).x
  if (publicKey !== jwk.x) throw keyFileError('must hold a public part that belongs to its private part')
  const privateKey = await importJWK(jwk, SIGNATURE_ALGORITHM, { extractable: true })
  if (privateKey instanceof Uint8Array) throw keyFileError('must hold a private key')
  return { publicKey: jwk.x, privateKey }
}

function parseJwk(text: string): z.infer<typeof privateJwk> {
  try {
    return privateJwk.parse(JSON.parse(text))
  } catch {
    // Without its cause: a parser's message may quote the text, and the text is a secret.
    throw keyFileError('must be an Ed25519 private key as JWK', 'something else')
  }
}

function keyFileError(rule: string, got = 'another', cause?: unknown): TesseraError {
  return new TesseraError('ERR_KEY_FILE', `key file ${rule}, got ${got}`, { cause })
}

/**
 * A public key's fingerprint for people to compare, by phone if need be: the first 128 bits of the SHA-256 of its 32 bytes, as
 * eight groups of four hex digits.
 */
export function fingerprint(publicKey: string): string {
  const digits = sha256Hex(Buffer.from(publicKey, 'base64url')).slice(0, 32)
  return (digits.match(/.{4}/g) ?? []).join(' ')
}

/** True when two texts are the same fingerprint: read out by phone, its blanks and its case get lost. */
export function sameFingerprint(a: string, b: string): boolean {
  const plain = (text: string): string => text.replaceAll(/\s/g, '').toLowerCase()
  return plain(a) === plain(b)
}
