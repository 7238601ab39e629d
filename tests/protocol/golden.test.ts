/**
 * @file Golden frames: the bytes of the wire, fixed by hand. They change only with PROTOCOL_VERSION: a site that was not updated must
 * still understand its coordinator.
 */
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { decodeFrame, encodeFrame, PROTOCOL_VERSION, siteMessages } from '@tessera/shared/protocol'
import { loadPrivateKey, signPayload, verifyPayload } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = fileURLToPath(new URL('frames/', import.meta.url))

/** The bytes of a `.hex` file: hex digits, blanks, and comments from `#` to the end of the line. */
function bytesOf(name: string): Buffer {
  const text = readFileSync(`${folder}${name}.hex`, 'utf8').replaceAll(/#.*$/gm, '').replaceAll(/\s/g, '')
  const bytes = Buffer.from(text, 'hex')
  // Buffer.from stops at the first character that is no digit, silently.
  expect(bytes.toString('hex')).toBe(text)
  return bytes
}

const FRAMES = {
  connect: { type: 0, nsp: '/' },
  'upload-chunk': {
    type: 2,
    nsp: '/',
    data: ['upload:chunk', { upload: 'u1', index: 0, chunk: Uint8Array.of(10, 0, 255) }],
    id: 7,
  },
  'upload-chunk-reply': { type: 3, nsp: '/', data: [{ ok: true, window: 8 }], id: 7 },
  refusal: {
    type: 3,
    nsp: '/',
    data: [{ ok: false, code: 'ERR_ROUND_CLOSED', message: 'round must be open, got closed' }],
    id: 7,
  },
  'round-progress': {
    type: 2,
    nsp: '/',
    data: ['round:progress', { study: 'colon', round: 2, step: 3, steps: 300, loss: 1.5, secondsLeft: null }],
    id: 8,
  },
}

describe.each(Object.entries(FRAMES))('frame %s', (name, packet) => {
  test('is written as these bytes', () => {
    expect(Buffer.from(encodeFrame(packet)).toString('hex')).toBe(bytesOf(name).toString('hex'))
  })
  test('is read from these bytes', () => {
    expect(decodeFrame(bytesOf(name))).toEqual(packet)
  })
})

test('the golden requests fit the catalogue', () => {
  expect(siteMessages['upload:chunk'].request.safeParse(FRAMES['upload-chunk'].data[1]).success).toBe(true)
  expect(siteMessages['round:progress'].request.safeParse(FRAMES['round-progress'].data[1]).success).toBe(
    true,
  )
  expect(PROTOCOL_VERSION).toBe(1)
})

describe('golden token', () => {
  // Ed25519 is deterministic: key of RFC 8037, appendix A.1, and this payload have one signature.
  const text = readFileSync(`${folder}receipt.jws`, 'utf8').trim()
  const payload = {
    study: 'colon',
    site: 'north',
    round: 2,
    attempt: 1,
    payload: 'ab'.repeat(32),
    manifest: 'cd'.repeat(32),
    receivedAtMs: 1_800_000_000_000,
  }
  const key = {
    kty: 'OKP',
    crv: 'Ed25519',
    d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
    x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  }
  test('is written as this text', async () => {
    const file = `${await temporaryFolder()}/key.jwk`
    await writeFile(file, JSON.stringify(key), { mode: 0o600 })
    const { privateKey } = await loadPrivateKey(file)
    expect(await signPayload('receipt', payload, privateKey)).toBe(text)
  })
  test('is read from this text', async () => {
    expect(await verifyPayload('receipt', text, key.x)).toEqual(payload)
  })
})
