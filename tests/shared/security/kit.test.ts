import { createHmac } from 'node:crypto'
import {
  assertKitFresh,
  createKit,
  type EnrolmentKit,
  formatKit,
  kitProof,
  parseKit,
  verifyKitProof,
} from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'

const KEY = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'
const END = Date.UTC(2026, 0, 8)
const make = (): EnrolmentKit =>
  createKit({
    site: 'north',
    coordinatorUrl: 'https://fed.example.org/t',
    coordinatorKey: KEY,
    expiresAtMs: END,
  })
const kit = make()
const claim = { kit: kit.kit, site: 'north', publicKey: KEY }

describe('createKit()', () => {
  test('survives its file', () => {
    expect(parseKit(formatKit(kit))).toEqual(kit)
  })
  test('has 32 secret bytes, never the same', () => {
    const secrets = Array.from({ length: 100 }, () => make().secret)
    expect(new Set(secrets).size).toBe(100)
    expect(Buffer.from(secrets[0] ?? '', 'base64url')).toHaveLength(32)
  })
  test.each([
    { site: '../etc' },
    { coordinatorUrl: 'file:///etc' },
    { coordinatorKey: 'x' },
    { expiresAtMs: 0 },
  ])('refuses %o', (wrong) => {
    expect(() =>
      createKit({
        site: 'a',
        coordinatorUrl: 'http://a:1',
        coordinatorKey: KEY,
        expiresAtMs: 1,
        ...wrong,
      }),
    ).toThrow(expect.objectContaining({ code: 'ERR_KIT_FILE' }))
  })
})

describe('parseKit()', () => {
  test.each([
    ['no JSON', `${kit.secret} {`],
    ['a list', '[]'],
    ['another version', JSON.stringify({ ...kit, version: 2 })],
    ['a field too many', JSON.stringify({ ...kit, extra: 1 })],
    ['a short secret', JSON.stringify({ ...kit, secret: 'AAAA' })],
    ['a megabyte', ' '.repeat(1 << 20)],
  ])('refuses %s', (_, text) => {
    expect(() => parseKit(text)).toThrow(expect.objectContaining({ code: 'ERR_KIT_FILE' }))
  })
  test('does not repeat the secret of a kit it refuses', () => {
    const text = JSON.stringify({ ...kit, version: 2 })
    expect(() => parseKit(text)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(kit.secret) as string }),
    )
  })
})

describe('assertKitFresh()', () => {
  test('holds until the last millisecond', () => {
    assertKitFresh(kit, END - 1)
    expect(() => assertKitFresh(kit, END)).toThrow(
      'kit must be used before 2026-01-08T00:00:00.000Z, got 2026-01-08T00:00:00.000Z',
    )
  })
})

describe('kitProof()', () => {
  test('is HMAC-SHA-256 of a JSON list', () => {
    const text = `["tessera-enrol",1,"${kit.kit}","north","${KEY}"]`
    const want = createHmac('sha256', Buffer.from(kit.secret, 'base64url')).update(text).digest('base64url')
    expect(kitProof(kit.secret, claim)).toBe(want)
  })
  test('is verified for its own claim only', () => {
    const proof = kitProof(kit.secret, claim)
    expect(verifyKitProof(kit.secret, claim, proof)).toBe(true)
    for (const other of [{ site: 'south' }, { kit: make().kit }, { publicKey: 'A'.repeat(43) }]) {
      expect(verifyKitProof(kit.secret, { ...claim, ...other }, proof)).toBe(false)
    }
    expect(verifyKitProof(make().secret, claim, proof)).toBe(false)
  })
  test.each(['', 'A', 'ä'.repeat(43), 'A'.repeat(43), 'A'.repeat(1000)])('%j is no proof', (proof) => {
    expect(verifyKitProof(kit.secret, claim, proof)).toBe(false)
  })
})
