/**
 * @file A self-signed certificate for TLS: EC P-256, ECDSA with SHA-256, X.509 version 3 (RFC 5280) of one fixed shape. Node signs and exports
 * keys but writes no certificates; docs/decisions/0016 says why these few lines stand here instead of a library.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'

/** Ten years: what counts at the sites is the pin of the key, and a date that passes unnoticed would stop a study. */
const LIFETIME_MS = 10 * 365 * 24 * 3600 * 1000

export interface SelfSigned {
  /** PEM. */
  readonly cert: string
  /** PKCS #8, PEM. */
  readonly key: string
}

/** Makes a key pair and its certificate. @param names Host names and addresses it is for. */
export function selfSigned(names: readonly string[], nowMs: number): SelfSigned {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const algorithm = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)) // ecdsa-with-SHA256
  const name = sequence(tlv(0x31, sequence(oid(0x55, 0x04, 0x03), utf8('Tessera coordinator')))) // CN
  // 16 random bytes, positive, and never with a leading zero that DER would forbid.
  const serial = Buffer.concat([Buffer.of(0x40), randomBytes(15)])
  // A day back: a site's clock may be behind.
  const validity = sequence(time(nowMs - 24 * 3600 * 1000), time(nowMs + LIFETIME_MS))
  const certified = sequence(
    tlv(0xa0, integer(Buffer.of(2))), // version 3
    integer(serial),
    algorithm,
    name, // issuer
    validity,
    name, // subject
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(...extensions(names))),
  )
  const signature = sign('sha256', certified, privateKey)
  const der = sequence(certified, algorithm, bitString(0, signature))
  return { cert: pem(der), key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

function extensions(names: readonly string[]): Buffer[] {
  const critical = tlv(0x01, Buffer.of(0xff))
  const extension = (id: Buffer, value: Buffer, ...flags: Buffer[]): Buffer =>
    sequence(id, ...flags, tlv(0x04, value))
  return [
    extension(oid(0x55, 0x1d, 0x13), sequence(), critical), // basicConstraints: no authority
    extension(oid(0x55, 0x1d, 0x0f), bitString(7, Buffer.of(0x80)), critical), // keyUsage: digitalSignature
    extension(oid(0x55, 0x1d, 0x11), sequence(...names.map(alternativeName))), // subjectAltName
  ]
}

function alternativeName(name: string): Buffer {
  if (isIPv4(name)) return tlv(0x87, Buffer.from(name.split('.').map(Number)))
  return isIPv6(name) ? tlv(0x87, addressBytes(name)) : tlv(0x82, Buffer.from(name, 'ascii'))
}

/** The 16 bytes of an IPv6 address; the URL parser has already brought it into its shortest form. */
function addressBytes(address: string): Buffer {
  const [head = '', tail] = address.split('::')
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((hex) => Number.parseInt(hex, 16))
  const [before, after] = [groups(head), groups(tail ?? '')]
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}

/** UTCTime up to 2049, GeneralizedTime after it (RFC 5280, 4.1.2.5). */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)
  return Number(digits.slice(0, 4)) < 2050
    ? tlv(0x17, Buffer.from(`${digits.slice(2)}Z`))
    : tlv(0x18, Buffer.from(`${digits}Z`))
}

/** One DER element: tag, length, content. */
function tlv(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content)
  const length = [body.length & 0xff]
  for (let rest = body.length >> 8; rest > 0; rest >>= 8) length.unshift(rest & 0xff)
  const head = body.length < 0x80 ? [body.length] : [0x80 | length.length, ...length]
  return Buffer.concat([Buffer.of(tag, ...head), body])
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => tlv(0x30, ...parts)
const oid = (...bytes: readonly number[]): Buffer => tlv(0x06, Buffer.from(bytes))
const integer = (bytes: Buffer): Buffer => tlv(0x02, bytes)
const utf8 = (text: string): Buffer => tlv(0x0c, Buffer.from(text))
const bitString = (unusedBits: number, bytes: Buffer): Buffer => tlv(0x03, Buffer.of(unusedBits), bytes)

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
