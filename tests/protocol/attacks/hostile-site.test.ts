/** @file A site, or somebody who has connected, against the coordinator: what a single message or two at once can do. */
import { readdir } from 'node:fs/promises'
import { createStudy, invite } from '@tessera/coordinator'
import {
  encodeFrame,
  type Manifest,
  PROTOCOL_VERSION,
  type Signed,
  TESSERA_VERSION,
} from '@tessera/shared/protocol'
import { generateKeyPair, signPayload } from '@tessera/shared/security'
import { listChunks } from '@tessera/shared/transfer'
import { pack } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import { federation, wholeRound } from '../../coordinator/federation.ts'
import {
  ask,
  codeOf,
  connect,
  deltaOf,
  joined,
  type RawSite,
  TINY_STUDY,
} from '../../coordinator/raw-site.ts'
import { payloadText, signText } from './sign-text.ts'

/** Names that would leave a folder, end a path early, or mean another file on some system. */
const PATHS = [
  '../../../../tmp/tessera-was-here',
  '..\\..\\tessera-was-here',
  '/tmp/tessera-was-here-0123456789',
  'C:\\tessera-was-here-0123456789',
  '..',
  'north/../../../tessera-was-here',
  'north\u0000tessera-was-here-01',
  'file:///tmp/tessera-was-here',
  '%2e%2e%2ftessera-was-here-012',
]
const FIELDS = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf'] as const

async function openUpload(site: RawSite, manifest: string, bytes: Uint8Array): Promise<string> {
  return codeOf(ask(site.socket, 'upload:open', { manifest, chunks: listChunks(bytes).digests }))
}

describe('a path name', () => {
  test('in any text of a manifest is refused, and no file comes of it', async () => {
    const { dir, keys, north } = await federation()
    const bytes = deltaOf(0.01)
    const honest = payloadText(await north.manifest(await north.offer(), bytes))
    const manifest = JSON.parse(honest) as Manifest
    const texts = Object.entries(manifest).flatMap(([field, value]) =>
      typeof value === 'string' ? [field] : [],
    )
    expect(texts).toContain('layoutHash')
    const before = (await readdir(dir, { recursive: true })).toSorted()
    for (const path of PATHS) {
      for (const field of texts) {
        // The nonce alone may be any text of its length; it has to be the one of the offer.
        const code = field === 'nonce' && path.length >= 16 ? 'ERR_UPDATE_REPLAYED' : 'ERR_MESSAGE_INVALID'
        const token = await signText('manifest', JSON.stringify({ ...manifest, [field]: path }), keys.north)
        expect(await openUpload(north, token, bytes), `${field}: ${path}`).toBe(code)
      }
    }
    expect((await readdir(dir, { recursive: true })).toSorted()).toEqual(before)
  })

  test('as upload, model, study or kit is unknown or refused', async () => {
    const { dir, url, north } = await federation()
    const before = (await readdir(dir, { recursive: true })).toSorted()
    const pair = await generateKeyPair()
    const { socket } = await connect(url)
    for (const path of PATHS) {
      const chunk = new Uint8Array(1)
      const raw = (event: string, body: object) =>
        north.socket.emitWithAck(event, body) as Promise<{ ok: boolean; code?: string }>
      expect(await raw('upload:chunk', { upload: path, index: 0, chunk })).toMatchObject({
        code: 'ERR_UPLOAD_UNKNOWN',
      })
      expect(await raw('upload:commit', { upload: path })).toMatchObject({ code: 'ERR_UPLOAD_UNKNOWN' })
      for (const event of ['model:open', 'model:chunk']) {
        const index = event === 'model:chunk' ? { index: 0 } : {}
        expect(await raw(event, { sha256: path, ...index })).toMatchObject({ code: 'ERR_MESSAGE_INVALID' })
      }
      expect(await raw('round:decline', { study: path, round: 1, code: 'ERR_INTERNAL' })).toMatchObject({
        code: 'ERR_MESSAGE_INVALID',
      })
      if (path.length < 16) continue
      const claim = { protocol: PROTOCOL_VERSION, kit: path, site: 'west', publicKey: pair.publicKey }
      const request = await signPayload(
        'enrolRequest',
        { ...claim, proof: 'x', issuedAtMs: 1 },
        pair.privateKey,
      )
      expect(await codeOf(ask(socket, 'site:enroll', { request }))).toBe('ERR_KIT_UNKNOWN')
    }
    expect((await readdir(dir, { recursive: true })).toSorted()).toEqual(before)
  })

  test('as the name of a site or a study never becomes one', async () => {
    const { dir, clock } = await federation()
    for (const path of PATHS) {
      await expect(invite({ dir, site: path, clock })).rejects.toMatchObject({ code: 'ERR_USAGE' })
      await expect(createStudy({ dir, study: { ...TINY_STUDY, id: path } })).rejects.toMatchObject({
        code: 'ERR_STUDY_INVALID',
      })
    }
  })
})

describe('a key that means something to an object', () => {
  test.each(FIELDS)('%s in a message or its packet changes nothing here, and is refused', async (field) => {
    const { north, south } = await federation()
    const message = new Map<string, unknown>([
      ['upload', 'u'],
      [field, new Map([['polluted', true]])],
    ])
    const event = (data: unknown) =>
      new Map<string, unknown>([
        ['type', 2],
        ['nsp', '/'],
        ['id', 7],
        ['data', data],
      ])
    if (field === '__proto__') {
      north.socket.io.engine.write(pack(event(['upload:commit', message])))
      expect((await north.refused).code).toBe('ERR_FRAME_MALFORMED')
    } else {
      const reply = (await north.socket.emitWithAck('upload:commit', Object.fromEntries(message))) as object
      expect(reply).toMatchObject({ ok: false, code: 'ERR_MESSAGE_INVALID' })
      // As the name of an event it has no listener, and no inherited one.
      north.socket.emit(field, {})
      north.socket.io.engine.write(pack(new Map<string, unknown>([...event(['x', 1]), [field, 1]])))
      expect((await north.refused).code).toBe('ERR_FRAME_MALFORMED')
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
    await wholeRound([south], [0.01])
  })
})

describe('a signed text', () => {
  test.each(FIELDS)('with the key %s is refused, whoever signed it', async (field) => {
    const { keys, north } = await federation()
    const bytes = deltaOf(0.01)
    const text = payloadText(await north.manifest(await north.offer(), bytes))
    for (const more of [`"${field}":{"polluted":true}`, `"${field}":null`]) {
      const token = await signText('manifest', `${text.slice(0, -1)},${more}}`, keys.north)
      expect(await openUpload(north, token, bytes)).toBe('ERR_MESSAGE_INVALID')
      const inside = text.replace('"metrics":{', `"metrics":{${more},`)
      const nested = await signText('manifest', inside, keys.north)
      expect(await openUpload(north, nested, bytes)).toBe('ERR_MESSAGE_INVALID')
    }
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })

  test('that nests a hundred thousand deep, or is a number of a hundred thousand digits, is refused', async () => {
    const { keys, north } = await federation()
    const bytes = deltaOf(0.01)
    for (const text of ['['.repeat(100_000) + ']'.repeat(100_000), '9'.repeat(100_000), '"', '']) {
      const token = await signText('manifest', text, keys.north)
      const code = text === '' ? 'ERR_SIGNATURE_INVALID' : 'ERR_MESSAGE_INVALID'
      expect(await openUpload(north, token, bytes)).toBe(code)
    }
  })
})

describe('messages out of their order', () => {
  test('two joins at once on one connection are one, and leave nobody behind in another study', async () => {
    const { dir, coordinator, url, key, keys } = await federation()
    await createStudy({ dir, study: { ...TINY_STUDY, id: 'other' } })
    const { socket, nonce } = await connect(url)
    const token = (study: string): Promise<string> => {
      const claim: Signed<'joinToken'> = {
        protocol: PROTOCOL_VERSION,
        site: 'north',
        study,
        nonce,
        coordinator: key,
        agentVersion: TESSERA_VERSION,
        instance: 'the one agent of north',
        ledger: null,
        work: null,
        issuedAtMs: 1,
      }
      return signPayload('joinToken', claim, keys.north.privateKey)
    }
    const tokens = [await token('tiny'), await token('other'), await token('other')]
    const codes = await Promise.all(tokens.map((one) => codeOf(ask(socket, 'session:join', { token: one }))))
    expect(codes).toEqual(['no refusal', 'ERR_MESSAGE_INVALID', 'ERR_MESSAGE_INVALID'])
    socket.disconnect()
    const present = () =>
      coordinator
        .progress()
        .flatMap(({ study, sites }) =>
          sites.filter((one) => one.connected).map(({ site }) => `${study}/${site}`),
        )
    await expect.poll(present).toEqual(['tiny/south'])
  })

  test('two connect packets in one breath are one session, or none', async () => {
    const { url, south } = await federation()
    const { socket, closed } = await connect(url)
    const frame = Buffer.from(encodeFrame({ type: 0, nsp: '/' }))
    for (let i = 0; i < 3; i++) socket.io.engine.write(frame)
    await closed
    await wholeRound([south], [0.01])
  })

  test('a manifest that is cut off at any place is refused', async () => {
    const { north, south } = await federation()
    const bytes = deltaOf(0.01)
    const manifest = await north.manifest(await north.offer(), bytes)
    for (let length = 1; length < manifest.length; length += 29) {
      expect(await openUpload(north, manifest.slice(0, length), bytes)).toMatch(
        /^ERR_(MESSAGE_INVALID|SIGNATURE_INVALID)$/,
      )
    }
    await north.deliver(manifest, bytes)
    await wholeRound([south], [0.01])
  })

  test('a manifest of another study that the site is in is refused, in either session', async () => {
    const { dir, url, key, keys, north } = await federation()
    await createStudy({ dir, study: { ...TINY_STUDY, id: 'other' } })
    const second = await joined(url, key, 'north', keys.north, 'other')
    const bytes = deltaOf(0.01)
    const offer = await north.offer()
    const mine = await north.manifest(offer, bytes)
    const renamed = await second.manifest(offer, bytes)
    expect(await openUpload(second, mine, bytes)).toBe('ERR_STUDY_UNKNOWN')
    expect(await openUpload(north, renamed, bytes)).toBe('ERR_STUDY_UNKNOWN')
    // Under the right name it holds the nonce of an offer of the other study.
    expect(await openUpload(second, renamed, bytes)).toBe('ERR_UPDATE_REPLAYED')
  })
})
