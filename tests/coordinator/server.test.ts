import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createStudy, exportStudy, invite, revoke } from '@tessera/coordinator'
import { decodeModel } from '@tessera/shared/model'
import { MAX_FRAME_BYTES } from '@tessera/shared/protocol'
import { generateKeyPair, sha256Hex, signPayload, verifyPayload } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { fakeClock } from '../support/fake-clock.ts'
import {
  ask,
  codeOf,
  connect,
  coordinatorFolder,
  deltaOf,
  enrol,
  enrolled,
  joined,
  type RawSite,
  started,
  TINY_LAYOUT,
  TINY_STUDY,
} from './raw-site.ts'

/** A running coordinator with sites north and south in its study; both have their offer of round 1. */
async function federation(): Promise<
  Awaited<ReturnType<typeof started>> & {
    dir: string
    url: string
    key: string
    keys: Record<'north' | 'south', Awaited<ReturnType<typeof generateKeyPair>>>
    north: RawSite
    south: RawSite
  }
> {
  const dir = await coordinatorFolder()
  const run = await started(dir)
  const { url, publicKey: key } = run.coordinator
  const keys = { north: await enrolled(dir, url, 'north'), south: await enrolled(dir, url, 'south') }
  const north = await joined(url, key, 'north', keys.north)
  const south = await joined(url, key, 'south', keys.south)
  return { ...run, dir, url, key, keys, north, south }
}

async function wholeRound(sites: readonly RawSite[], values: readonly number[]): Promise<void> {
  for (const [i, site] of sites.entries()) {
    const bytes = deltaOf(values[i] ?? 0)
    await site.deliver(await site.manifest(await site.offer(), bytes, { samples: i + 1 }), bytes)
  }
}

describe('a whole round', () => {
  test('publishes the sample-weighted mean of what the sites delivered, and its record', async () => {
    const { coordinator, dir, key, north, south } = await federation()
    expect(north.welcome).toMatchObject({ round: 0, finished: false, site: 'north' })
    const offer = await north.offer()
    expect(offer).toMatchObject({ round: 1, attempt: 1, base: north.welcome.student })
    const [ones, fives] = [deltaOf(0.01), deltaOf(0.05)]
    const manifest = await north.manifest(offer, ones, { samples: 3 })
    const receipt = await verifyPayload('receipt', await north.deliver(manifest, ones), key)
    expect(receipt).toMatchObject({ site: 'north', payload: sha256Hex(ones), manifest: sha256Hex(manifest) })
    await south.deliver(await south.manifest(await south.offer(), fives, { samples: 1 }), fives)

    const record = await north.published()
    expect(await south.published()).toEqual(record)
    expect(record).toMatchObject({ round: 1, previous: '', strategy: 'fedavg', absent: [], final: false })
    expect(record.contributors.map(({ site, samples }) => [site, samples])).toEqual([
      ['north', 3],
      ['south', 1],
    ])
    const read = async (hash: string): Promise<Float32Array> => {
      const weights = decodeModel(await readFile(join(dir, 'models', `${hash}.safetensors`)), TINY_LAYOUT)
      return weights.get('classifier.1.bias') ?? new Float32Array()
    }
    const [before, after] = [await read(record.base), await read(record.student)]
    // (3 · 0.01 + 1 · 0.05) / 4, in float32.
    expect(Math.abs((after[0] ?? 0) - (before[0] ?? 0) - 0.02)).toBeLessThan(1e-8)
    expect((await north.offer()).base).toBe(record.student)
    expect(coordinator.progress()[0]).toMatchObject({ study: 'tiny', round: 2, phase: 'collecting' })
  })

  test('the last round ends the study; records form a chain; the export proves it', async () => {
    const { coordinator, dir, north, south } = await federation()
    await wholeRound([north, south], [0.01, 0.02])
    const first = await north.records.next()
    await wholeRound([north, south], [0.01, 0.02])
    const last = await north.published()
    expect(last).toMatchObject({ round: 2, final: true, previous: sha256Hex(first) })
    await coordinator.ended
    const { card, files } = await exportStudy({ dir, study: 'tiny', out: join(dir, 'out') })
    expect(card).toMatchObject({ round: 2, finished: true, student: last.student })
    expect(card.rounds.map(({ round }) => round)).toEqual([1, 2])
    expect(sha256Hex(await readFile(files[0] ?? ''))).toBe(last.student)
  })

  test('a model is fetched in chunks by its hash, and only one of the joined study', async () => {
    const { north, dir } = await federation()
    const { base, baseBytes } = await north.offer()
    const parts: Uint8Array[] = []
    for (let offset = 0; offset < baseBytes; offset += parts.at(-1)?.byteLength ?? 0) {
      const { totalBytes, chunk } = await ask(north.socket, 'model:fetch', { sha256: base, offset })
      expect(totalBytes).toBe(baseBytes)
      parts.push(chunk)
    }
    expect(sha256Hex(Buffer.concat(parts))).toBe(base)
    const other = await createStudy({ dir, study: { ...TINY_STUDY, id: 'other', seed: 'another' } })
    const fetchOther = ask(north.socket, 'model:fetch', { sha256: other.student, offset: 0 })
    expect(await codeOf(fetchOther)).toBe('ERR_MODEL_UNKNOWN')
  })

  test('a site that joins in mid-round takes part from the next one', async () => {
    const { dir, url, key, north, south } = await federation()
    const late = await joined(url, key, 'late', await enrolled(dir, url, 'late'))
    const offer = await north.offer()
    const bytes = deltaOf(0)
    expect(await codeOf(late.deliver(await late.manifest(offer, bytes), bytes))).toBe('ERR_ROUND_NOT_OFFERED')
    await north.deliver(await north.manifest(offer, bytes), bytes)
    await wholeRound([south], [0])
    expect((await late.offer()).round).toBe(2)
  })

  test('a site that declines is not waited for', async () => {
    const { north, south } = await federation()
    await north.offer()
    await ask(north.socket, 'round:decline', { study: 'tiny', round: 1, code: 'ERR_DATA_CLASS_EMPTY' })
    await wholeRound([south], [0])
    expect((await south.published()).absent).toEqual([{ site: 'north', code: 'ERR_DATA_CLASS_EMPTY' }])
  })

  test('progress tells step, loss and what has come in', async () => {
    const { coordinator, north } = await federation()
    await north.offer()
    await ask(north.socket, 'round:progress', {
      study: 'tiny',
      round: 1,
      step: 3,
      steps: 9,
      loss: 0.5,
      secondsLeft: 2,
    })
    expect(coordinator.progress()[0]).toMatchObject({
      phase: 'collecting',
      offered: 2,
      accepted: 0,
      meanLoss: 0.5,
      sites: [
        { site: 'north', state: 'training', step: 3, steps: 9 },
        { site: 'south', state: 'asked' },
      ],
    })
  })
})

describe('who comes and goes', () => {
  test('a round closes at its deadline without an agent that has vanished', async () => {
    const { clock, north, south } = await federation()
    await wholeRound([south], [0.01])
    await north.offer()
    north.socket.disconnect()
    clock.advance(60_000)
    const record = await south.published()
    expect(record.contributors.map(({ site }) => site)).toEqual(['south'])
    expect(record.absent).toEqual([{ site: 'north', code: 'ERR_TIMED_OUT' }])
  })

  test('an agent that comes back before the deadline goes on with its upload', async () => {
    const { url, key, keys, north, south } = await federation()
    const bytes = deltaOf(0.01)
    const offer = await north.offer()
    const manifest = await north.manifest(offer, bytes)
    const { upload } = await ask(north.socket, 'upload:open', { manifest })
    await ask(north.socket, 'upload:chunk', { upload, offset: 0, chunk: bytes.subarray(0, 1000) })
    north.socket.disconnect()
    const back = await joined(url, key, 'north', keys.north)
    expect((await back.offer()).nonce).toBe(offer.nonce)
    expect((await ask(back.socket, 'upload:open', { manifest })).offset).toBe(1000)
    const { offset } = await ask(back.socket, 'upload:chunk', {
      upload,
      offset: 1000,
      chunk: bytes.subarray(1000),
    })
    expect(offset).toBe(bytes.byteLength)
    await ask(back.socket, 'upload:commit', { upload })
    await wholeRound([south], [0.01])
    expect((await back.published()).contributors).toHaveLength(2)
  })

  test('a second connection of a site replaces the first', async () => {
    const { url, key, keys, north } = await federation()
    const second = await joined(url, key, 'north', keys.north)
    expect((await north.refused).code).toBe('ERR_CONNECTION_LOST')
    await north.closed
    expect((await second.offer()).round).toBe(1)
  })

  test('a connection that does not join in time is dropped', async () => {
    const { url, clock } = await federation()
    const idle = await connect(url)
    clock.advance(10_000)
    expect((await idle.refused).code).toBe('ERR_NOT_JOINED')
    await idle.closed
  })

  test('who has not joined gets ERR_NOT_JOINED', async () => {
    const { url, north } = await federation()
    const stranger = await connect(url)
    const { base } = await north.offer()
    const fetching = ask(stranger.socket, 'model:fetch', { sha256: base, offset: 0 })
    expect(await codeOf(fetching)).toBe('ERR_NOT_JOINED')
  })
})

describe('after a restart', () => {
  test('a round that was open goes on: what was accepted counts, the others get the same offer', async () => {
    const { coordinator, dir, key, keys, clock, north, south } = await federation()
    await wholeRound([south], [0.05])
    const offer = await north.offer()
    await coordinator.close()

    const { url } = (await started(dir, fakeClock(clock.now()))).coordinator
    const back = await joined(url, key, 'north', keys.north)
    const again = await back.offer()
    expect(again).toEqual(offer)
    const bytes = deltaOf(0.01)
    await back.deliver(await back.manifest(again, bytes), bytes)
    expect((await back.published()).contributors.map(({ site }) => site)).toEqual(['north', 'south'])
  })

  test('between rounds it goes on from the last published student', async () => {
    const { coordinator, dir, key, keys, north, south } = await federation()
    await wholeRound([north, south], [0.01, 0.01])
    const { student } = await north.published()
    await coordinator.close()

    const { url } = (await started(dir)).coordinator
    const back = await joined(url, key, 'north', keys.north)
    expect(back.welcome).toMatchObject({ round: 1, student })
    expect(await back.offer()).toMatchObject({ round: 2, base: student })
  })

  test('a changed line of the log is named, and nothing starts', async () => {
    const { coordinator, dir, north, south } = await federation()
    await wholeRound([north, south], [0.01, 0.01])
    await north.published()
    await coordinator.close()
    const log = join(dir, 'events.jsonl')
    const lines = (await readFile(log, 'utf8')).split('\n')
    const at = lines.findIndex((line) => line.includes('update.accepted'))
    lines[at] = (lines[at] ?? '').replace('"samples":1', '"samples":9')
    await writeFile(log, lines.join('\n'))
    await expect(started(dir)).rejects.toMatchObject({
      code: 'ERR_STORE_CORRUPT',
      message: expect.stringContaining(`line ${at + 1} `),
    })
  })
})

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
    const manifest = await north.manifest(await north.offer(), bytes, changes)
    expect(await codeOf(ask(north.socket, 'upload:open', { manifest }))).toBe(code)
  })

  test('refuses a manifest that another key signed, and one that was altered', async () => {
    const { north, south } = await federation()
    const [bytes, offer] = [deltaOf(0), await north.offer()]
    const forged = await south.manifest(offer, bytes, { site: 'north' })
    expect(await codeOf(ask(north.socket, 'upload:open', { manifest: forged }))).toBe('ERR_SIGNATURE_INVALID')
    const [header, payload, signature] = (await north.manifest(offer, bytes)).split('.')
    const altered = Buffer.from(payload ?? '', 'base64url')
      .toString()
      .replace('"samples":10', '"samples":99')
    const manifest = [header, Buffer.from(altered).toString('base64url'), signature].join('.')
    expect(await codeOf(ask(north.socket, 'upload:open', { manifest }))).toBe('ERR_SIGNATURE_INVALID')
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

  test('refuses bytes that are not those of the manifest', async () => {
    const { north } = await federation()
    const [announced, sent] = [deltaOf(0.01), deltaOf(0.02)]
    const manifest = await north.manifest(await north.offer(), announced)
    expect(await codeOf(north.deliver(manifest, sent))).toBe('ERR_UPDATE_DIGEST')
    expect(await codeOf(north.deliver(manifest, sent.subarray(4)))).toBe('ERR_UPDATE_SIZE')
    await north.deliver(manifest, announced)
  })

  test('refuses chunks out of place, too many, or of an upload that is not open', async () => {
    const { north } = await federation()
    const bytes = deltaOf(0)
    const manifest = await north.manifest(await north.offer(), bytes)
    const { upload } = await ask(north.socket, 'upload:open', { manifest })
    const send = (offset: number, chunk: Uint8Array, id = upload): Promise<string> =>
      codeOf(ask(north.socket, 'upload:chunk', { upload: id, offset, chunk }))
    expect(await send(4, bytes.subarray(4))).toBe('ERR_UPLOAD_OFFSET')
    expect(await send(0, new Uint8Array(bytes.byteLength + 1))).toBe('ERR_UPDATE_SIZE')
    expect(await send(0, bytes, 'another')).toBe('ERR_UPLOAD_UNKNOWN')
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
    const sign = (changes: object): Promise<string> =>
      signPayload(
        'joinToken',
        { ...stale, agentVersion: '0', issuedAtMs: 1, ...changes },
        keys.north.privateKey,
      )
    const join = async (changes: object): Promise<string> =>
      codeOf(ask(socket, 'session:join', { token: await sign(changes) }))
    expect(await join({})).toBe('ERR_SIGNATURE_INVALID')
    expect(await join({ protocol: 99 })).toBe('ERR_PROTOCOL_VERSION')
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
