import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { invite, revoke } from '@tessera/coordinator'
import { MAX_FRAME_BYTES, TESSERA_VERSION } from '@tessera/shared/protocol'
import { generateKeyPair, signPayload, verifyPayload } from '@tessera/shared/security'
import { listChunks } from '@tessera/shared/transfer'
import { describe, expect, test } from 'vitest'
import { federation, wholeRound } from './federation.ts'
import { ask, codeOf, connect, deltaOf, enrol, joined } from './raw-site.ts'

describe('the border', () => {
  test.each([
    ['a manifest of another round', { round: 2 }, 'ERR_ROUND_WRONG'],
    ['a manifest of another attempt', { attempt: 2 }, 'ERR_ROUND_WRONG'],
    ['another base', { base: 'a'.repeat(64) }, 'ERR_UPDATE_BASE'],
    ['another layout', { layoutHash: 'a'.repeat(64) }, 'ERR_UPDATE_LAYOUT'],
    ['another size', { bytes: 4 }, 'ERR_UPDATE_SIZE'],
    ['more samples than tiles seen', { samples: 11 }, 'ERR_UPDATE_SAMPLES'],
    ['a nonce that was never offered', { nonce: 'x'.repeat(22) }, 'ERR_UPDATE_REPLAYED'],
    ['another study', { study: 'other' }, 'ERR_STUDY_UNKNOWN'],
    ['another site in the name of this one', { site: 'south' }, 'ERR_SIGNATURE_INVALID'],
  ])('refuses %s', async (_, changes, code) => {
    const { north } = await federation()
    const bytes = deltaOf(0)
    const chunks = listChunks(bytes).digests
    const manifest = await north.manifest(await north.offer(), bytes, changes)
    expect(await codeOf(ask(north.socket, 'upload:open', { manifest, chunks }))).toBe(code)
  })

  test('refuses a manifest that another key signed, and one that was altered', async () => {
    const { north, south } = await federation()
    const [bytes, offer] = [deltaOf(0), await north.offer()]
    const chunks = listChunks(bytes).digests
    const forged = await south.manifest(offer, bytes, { site: 'north' })
    expect(await codeOf(ask(north.socket, 'upload:open', { manifest: forged, chunks }))).toBe(
      'ERR_SIGNATURE_INVALID',
    )
    const [header, payload, signature] = (await north.manifest(offer, bytes)).split('.')
    const altered = Buffer.from(payload ?? '', 'base64url')
      .toString()
      .replace('"samples":10', '"samples":99')
    const manifest = [header, Buffer.from(altered).toString('base64url'), signature].join('.')
    expect(await codeOf(ask(north.socket, 'upload:open', { manifest, chunks }))).toBe('ERR_SIGNATURE_INVALID')
  })

  test('refuses a manifest again: as a duplicate while its round is open, as a replay later', async () => {
    const { north, south } = await federation()
    const bytes = deltaOf(0)
    const manifest = await north.manifest(await north.offer(), bytes)
    await north.deliver(manifest, bytes)
    expect(await codeOf(north.deliver(manifest, bytes))).toBe('ERR_UPDATE_DUPLICATE')
    await wholeRound([south], [0])
    await north.offer()
    expect(await codeOf(north.deliver(manifest, bytes))).toBe('ERR_UPDATE_REPLAYED')
  })

  test('refuses a late update with the round that has ended', async () => {
    const { clock, north, south } = await federation()
    const bytes = deltaOf(0)
    const manifest = await north.manifest(await north.offer(), bytes)
    await wholeRound([south], [0])
    clock.advance(60_000)
    await south.published()
    expect(await codeOf(north.deliver(manifest, bytes))).toBe('ERR_ROUND_CLOSED')
  })

  test.each([
    ['NaN', Number.NaN, 'ERR_UPDATE_NOT_FINITE'],
    ['infinity', Number.POSITIVE_INFINITY, 'ERR_UPDATE_NOT_FINITE'],
    ['values beyond the norm bound', 5, 'ERR_UPDATE_NORM'],
  ])('refuses a delta with %s, and the round goes on', async (_, value, code) => {
    const { north, south } = await federation()
    const [bad, good] = [deltaOf(value), deltaOf(0.01)]
    const offer = await north.offer()
    expect(await codeOf(north.deliver(await north.manifest(offer, bad), bad))).toBe(code)
    await north.deliver(await north.manifest(offer, good), good)
    await wholeRound([south], [0.01])
    expect((await south.published()).contributors).toHaveLength(2)
  })

  test('refuses a list of chunks that the manifest does not pin', async () => {
    const { north } = await federation()
    const [announced, sent] = [deltaOf(0.01), deltaOf(0.02)]
    const manifest = await north.manifest(await north.offer(), announced)
    expect(await codeOf(north.deliver(manifest, sent))).toBe('ERR_UPDATE_DIGEST')
    for (const length of [0, 31, 64, 65_536]) {
      const chunks = new Uint8Array(length)
      expect(await codeOf(ask(north.socket, 'upload:open', { manifest, chunks }))).toBe('ERR_UPDATE_SIZE')
    }
    await north.deliver(manifest, announced)
  })

  test('refuses chunks that are not of the upload, and a commit before all are there', async () => {
    const { north } = await federation()
    const bytes = deltaOf(0)
    const manifest = await north.manifest(await north.offer(), bytes)
    const chunks = listChunks(bytes).digests
    const { upload } = await ask(north.socket, 'upload:open', { manifest, chunks })
    const send = (index: number, chunk: Uint8Array, id = upload): Promise<string> =>
      codeOf(ask(north.socket, 'upload:chunk', { upload: id, index, chunk }))
    expect(await send(1, bytes)).toBe('ERR_UPLOAD_CHUNK')
    expect(await send(0, bytes.subarray(4))).toBe('ERR_UPLOAD_CHUNK')
    expect(await send(0, new Uint8Array(bytes.byteLength + 1))).toBe('ERR_UPLOAD_CHUNK')
    expect(await send(0, deltaOf(1))).toBe('ERR_UPLOAD_CHUNK')
    expect(await send(0, bytes, 'another')).toBe('ERR_UPLOAD_UNKNOWN')
    expect(await codeOf(ask(north.socket, 'upload:commit', { upload }))).toBe('ERR_UPLOAD_INCOMPLETE')
    // None of it has ended the upload.
    expect(await send(0, bytes)).toBe('no refusal')
    expect(await send(0, bytes)).toBe('no refusal')
    await ask(north.socket, 'upload:commit', { upload })
  })

  test('counts an update once that two connections of its site deliver', async () => {
    const { url, key, keys, north, south } = await federation()
    const bytes = deltaOf(0.01)
    const manifest = await north.manifest(await north.offer(), bytes)
    const chunks = listChunks(bytes).digests
    const first = await ask(north.socket, 'upload:open', { manifest, chunks })
    const second = await joined(url, key, 'north', keys.north)
    const opened = await ask(second.socket, 'upload:open', { manifest, chunks })
    expect(opened.upload).toBe(first.upload)
    const { upload } = opened
    await Promise.all(
      [0, 1, 2].map(() => ask(second.socket, 'upload:chunk', { upload, index: 0, chunk: bytes })),
    )
    const receipts = await Promise.all([0, 1].map(() => ask(second.socket, 'upload:commit', { upload })))
    expect(receipts[0]).toEqual(receipts[1])
    await wholeRound([south], [0.01])
    expect((await second.published()).contributors).toHaveLength(2)
  })
})

describe('bad frames', () => {
  test.each([
    ['malformed msgpack', new Uint8Array([0xc1, 0xff, 0x00]), 'ERR_FRAME_MALFORMED'],
    ['an oversized frame', new Uint8Array(MAX_FRAME_BYTES + 1), 'ERR_FRAME_TOO_LARGE'],
  ])('%s ends its own connection with a code, and no other', async (_, frame, code) => {
    const { north, south } = await federation()
    north.socket.io.engine.write(frame)
    expect((await north.refused).code).toBe(code)
    await north.closed
    await wholeRound([south], [0])
  })

  test('a message that does not fit its schema is refused, and the session stays', async () => {
    const { north } = await federation()
    const reply = await north.socket.emitWithAck('upload:open', { manifest: 1 })
    expect(reply).toMatchObject({ ok: false, code: 'ERR_MESSAGE_INVALID' })
    expect((await north.offer()).round).toBe(1)
  })
})

describe('identity', () => {
  test('an unknown and a revoked site cannot join', async () => {
    const { dir, url, key, keys } = await federation()
    const stranger = joined(url, key, 'nobody', await generateKeyPair())
    expect(await codeOf(stranger)).toBe('ERR_SITE_UNKNOWN')
    await revoke({ dir, site: 'south' })
    expect(await codeOf(joined(url, key, 'south', keys.south))).toBe('ERR_SITE_REVOKED')
  })

  test('a revocation ends the session, and what the site delivered does not count', async () => {
    const { dir, url, key, north, south } = await federation()
    await wholeRound([south], [0.01])
    await revoke({ dir, site: 'south' })
    // Anybody's join makes the coordinator look into its inbox.
    expect(await codeOf(joined(url, key, 'nobody', await generateKeyPair()))).toBe('ERR_SITE_UNKNOWN')
    expect((await south.refused).code).toBe('ERR_SITE_REVOKED')
    await wholeRound([north], [0.02])
    const record = await north.published()
    expect(record.contributors.map(({ site }) => site)).toEqual(['north'])
    expect(record.absent).toEqual([{ site: 'south', code: 'ERR_SITE_REVOKED' }])
  })

  test('a join needs the key of the site, the challenge of the connection and this coordinator', async () => {
    const { url, key, keys, north } = await federation()
    const pair = await generateKeyPair()
    expect(await codeOf(joined(url, key, 'north', pair))).toBe('ERR_SIGNATURE_INVALID')
    expect(await codeOf(joined(url, pair.publicKey, 'north', keys.north))).toBe('ERR_COORDINATOR_KEY')
    expect(await codeOf(joined(url, key, 'north', keys.north, 'other'))).toBe('ERR_STUDY_UNKNOWN')
    const { socket } = await connect(url)
    const stale = { protocol: 1, site: 'north', study: 'tiny', nonce: north.nonce, coordinator: key }
    const idle = { agentVersion: TESSERA_VERSION, instance: 'i'.repeat(22), ledger: null, work: null }
    const sign = (changes: object): Promise<string> =>
      signPayload('joinToken', { ...stale, ...idle, issuedAtMs: 1, ...changes }, keys.north.privateKey)
    const join = async (changes: object): Promise<string> =>
      codeOf(ask(socket, 'session:join', { token: await sign(changes) }))
    expect(await join({})).toBe('ERR_SIGNATURE_INVALID')
    expect(await join({ protocol: 99 })).toBe('ERR_PROTOCOL_VERSION')
  })

  test('an agent one minor version behind or ahead takes part; a further one hears which side to upgrade', async () => {
    const { url, key, keys } = await federation()
    const join = (agentVersion: string) =>
      joined(url, key, 'north', keys.north, 'tiny', { agentVersion }).then(
        () => 'in',
        ({ code, message }: { code: string; message: string }) => `${code} ${message}`,
      )
    const [major = 0, minor = 0] = TESSERA_VERSION.split('.').map(Number)
    expect(await join(`${major}.${minor + 1}.0`)).toBe('in')
    expect(await join(`${major}.${minor + 2}.0`)).toMatch(/^ERR_VERSION_SKEW .*: upgrade the coordinator$/)
    expect(await join('nonsense')).toMatch(/^ERR_VERSION_SKEW .*: upgrade the agent$/)
  })

  test('a kit enrols one key, once', async () => {
    const { dir, url, key, clock } = await federation()
    const { kit, file } = await invite({ dir, site: 'west', clock })
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(kit)
    const pair = await generateKeyPair()
    const { socket } = await connect(url)
    const wrongSecret = { ...kit, secret: 'A'.repeat(43) }
    expect(await codeOf(enrol(socket, wrongSecret, pair))).toBe('ERR_KIT_PROOF')
    expect(await codeOf(enrol(socket, { ...kit, kit: 'A'.repeat(22) }, pair))).toBe('ERR_KIT_UNKNOWN')
    const confirmation = await verifyPayload('enrolConfirmation', await enrol(socket, kit, pair), key)
    expect(confirmation).toMatchObject({ site: 'west', publicKey: pair.publicKey })
    expect(await codeOf(enrol(socket, kit, await generateKeyPair()))).toBe('ERR_KIT_USED')
    // The same key may ask again: its reply may have been lost.
    await enrol(socket, kit, pair)
    expect(await readdir(join(dir, 'keys', 'kits'))).toEqual([])
  })

  test('a kit is void after its time', async () => {
    const { dir, url, clock } = await federation()
    const { kit } = await invite({ dir, site: 'west', clock, lifetimeMs: 1000 })
    clock.advance(1000)
    const { socket } = await connect(url)
    expect(await codeOf(enrol(socket, kit, await generateKeyPair()))).toBe('ERR_KIT_EXPIRED')
  })
})
