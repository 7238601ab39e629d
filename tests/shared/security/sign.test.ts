import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { MAX_TOKEN_CHARACTERS, type Receipt } from '@tessera/shared/protocol'
import { generateKeyPair, readUnverified, signPayload, verifyPayload } from '@tessera/shared/security'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const hash = 'ab'.repeat(32)
const receipt: Receipt = {
  study: 'colon',
  site: 'north',
  round: 3,
  attempt: 1,
  payload: hash,
  manifest: hash,
  receivedAtMs: 1_800_000_000_000,
}
const coordinator = await generateKeyPair()
const token = await signPayload('receipt', receipt, coordinator.privateKey)

/** A token made without the code under test. */
function forge(
  header: object,
  payload: string,
  key = createPrivateKey({ key: RFC_KEY, format: 'jwk' }),
): string {
  const input = [JSON.stringify(header), payload]
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.')
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`
}
/** RFC 8037, appendix A.1. */
const RFC_KEY = {
  kty: 'OKP',
  crv: 'Ed25519',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
}
const HEADER = { alg: 'EdDSA', typ: 'receipt' }
const BODY = JSON.stringify(receipt)

describe('signPayload()', () => {
  test('is read back by its key', async () => {
    expect(await verifyPayload('receipt', token, coordinator.publicKey)).toEqual(receipt)
  })
  test('is a compact JWS that node:crypto verifies', () => {
    const [header = '', payload = '', signature = ''] = token.split('.')
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: coordinator.publicKey },
      format: 'jwk',
    })
    expect(Buffer.from(header, 'base64url').toString()).toBe('{"alg":"EdDSA","typ":"receipt"}')
    expect(verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))).toBe(
      true,
    )
  })
  test('never signs what does not fit its schema', async () => {
    const wrong = { ...receipt, fileName: 'slide-0042.svs' }
    await expect(signPayload('receipt', wrong, coordinator.privateKey)).rejects.toMatchObject({
      code: 'ERR_MESSAGE_INVALID',
    })
  })
})

describe('verifyPayload()', () => {
  test('takes a token of another implementation', async () => {
    expect(await verifyPayload('receipt', forge(HEADER, BODY), RFC_KEY.x)).toEqual(receipt)
  })
  test('refuses another key', async () => {
    const { publicKey } = await generateKeyPair()
    await expect(verifyPayload('receipt', token, publicKey)).rejects.toMatchObject({
      code: 'ERR_SIGNATURE_INVALID',
    })
  })
  test('takes the key that is picked by what the token claims, and believes no other', async () => {
    const { publicKey } = await generateKeyPair()
    const keyOf = ({ site }: Receipt): string => (site === 'north' ? coordinator.publicKey : publicKey)
    expect(await verifyPayload('receipt', token, keyOf)).toEqual(receipt)
    const south = await signPayload('receipt', { ...receipt, site: 'south' }, coordinator.privateKey)
    await expect(verifyPayload('receipt', south, keyOf)).rejects.toMatchObject({
      code: 'ERR_SIGNATURE_INVALID',
    })
  })
  test('refuses what is no key', async () => {
    for (const key of ['', 'A'.repeat(42), 'A'.repeat(43)])
      await expect(verifyPayload('receipt', token, key)).rejects.toMatchObject({
        code: 'ERR_SIGNATURE_INVALID',
      })
  })
  test('refuses a change of any one character', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.constantFrom('A', 'Q', '_', '.', '='),
        async (at, letter) => {
          fc.pre(token[at] !== letter)
          const changed = token.slice(0, at) + letter + token.slice(at + 1)
          await expect(verifyPayload('receipt', changed, coordinator.publicKey)).rejects.toMatchObject({
            code: 'ERR_SIGNATURE_INVALID',
          })
        },
      ),
      { numRuns: 200 },
    )
  })
  test('refuses a second text for the same signature', async () => {
    // The last character of 64 bytes in base64url carries four unused bits, which a lenient decoder ignores.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const twin = token.slice(0, -1) + alphabet[alphabet.indexOf(token.at(-1) ?? '') + 1]
    expect(Buffer.from(twin.split('.')[2] ?? '', 'base64url')).toEqual(
      Buffer.from(token.split('.')[2] ?? '', 'base64url'),
    )
    await expect(verifyPayload('receipt', twin, coordinator.publicKey)).rejects.toMatchObject({
      code: 'ERR_SIGNATURE_INVALID',
    })
  })
  test.each([
    ['another kind', { alg: 'EdDSA', typ: 'offer' }],
    ['no kind', { alg: 'EdDSA' }],
    ['alg none', { alg: 'none', typ: 'receipt' }],
    ['alg HS256', { alg: 'HS256', typ: 'receipt' }],
    ['a key of its own', { ...HEADER, jwk: { kty: 'OKP', crv: 'Ed25519', x: RFC_KEY.x } }],
    ['a payload outside base64', { ...HEADER, b64: false, crit: ['b64'] }],
  ])('refuses a header with %s, though the signature is right', async (_, header) => {
    await expect(verifyPayload('receipt', forge(header, BODY), RFC_KEY.x)).rejects.toMatchObject({
      code: 'ERR_SIGNATURE_INVALID',
    })
  })
  test.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['a field too many', JSON.stringify({ ...receipt, extra: 1 })],
    ['a field too few', JSON.stringify({ ...receipt, round: undefined })],
    ['a wrong type', JSON.stringify({ ...receipt, round: '3' })],
    ['a prototype', `${BODY.slice(0, -1)},"__proto__":{"round":9}}`],
  ])('refuses a signed payload with %s', async (_, body) => {
    await expect(verifyPayload('receipt', forge(HEADER, body), RFC_KEY.x)).rejects.toMatchObject({
      code: 'ERR_MESSAGE_INVALID',
    })
  })
  test.each([
    ['nothing', undefined],
    ['an object', {}],
    ['a text too long', 'a'.repeat(MAX_TOKEN_CHARACTERS + 1)],
  ])('refuses %s before it looks at a signature', async (_, value) => {
    await expect(verifyPayload('receipt', value, coordinator.publicKey)).rejects.toMatchObject({
      code: 'ERR_MESSAGE_INVALID',
    })
  })
  test.each(['', '..', 'a.b', 'a.b.c.d', '{}'])('refuses %j', async (text) => {
    await expect(verifyPayload('receipt', text, coordinator.publicKey)).rejects.toMatchObject({
      code: 'ERR_SIGNATURE_INVALID',
    })
  })
  test('refuses a public key that is none, as a signature', async () => {
    await expect(verifyPayload('receipt', token, 'short')).rejects.toMatchObject({
      code: 'ERR_SIGNATURE_INVALID',
    })
  })

  test('refuses a key that is none each time it is asked, and the right one passes after it', async () => {
    for (let i = 0; i < 2; i++) {
      await expect(verifyPayload('receipt', token, 'no key')).rejects.toMatchObject({
        code: 'ERR_SIGNATURE_INVALID',
      })
    }
    expect(await verifyPayload('receipt', token, coordinator.publicKey)).toEqual(receipt)
  })
})

describe('readUnverified()', () => {
  test('tells who claims to speak', () => {
    expect(readUnverified('receipt', token).site).toBe('north')
  })
  test('refuses another kind', () => {
    expect(() => readUnverified('offer', token)).toThrow(
      expect.objectContaining({ code: 'ERR_SIGNATURE_INVALID' }),
    )
  })
  test('does not repeat a value it refuses', () => {
    const secret = 'a-very-private-text'
    expect(() =>
      readUnverified('receipt', forge(HEADER, JSON.stringify({ ...receipt, study: secret, round: secret }))),
    ).toThrow(expect.objectContaining({ message: expect.not.stringContaining(secret) as string }))
  })
})
