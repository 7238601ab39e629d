import { readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createStudy, exportStudy, startCoordinator } from '@tessera/coordinator'
import { decodeModel } from '@tessera/shared/model'
import { METADATA, readOnnxModel } from '@tessera/shared/model/onnx'
import { WINDOW_CHUNKS } from '@tessera/shared/protocol'
import { sha256Hex, verifyPayload } from '@tessera/shared/security'
import { chunkCount, listChunks, listHash, unpackMissing } from '@tessera/shared/transfer'
import { describe, expect, test } from 'vitest'
import { fakeClock } from '../support/fake-clock.ts'
import { withDatabase } from '../support/sqlite.ts'
import { federation, wholeRound } from './federation.ts'
import {
  ask,
  codeOf,
  connect,
  coordinatorFolder,
  deltaOf,
  enrolled,
  joined,
  started,
  TINY_LAYOUT,
  TINY_STUDY,
} from './raw-site.ts'

describe('a whole round', () => {
  test('publishes the sample-weighted mean of what the sites delivered, and its record', async () => {
    const { coordinator, dir, key, north, south } = await federation()
    expect(north.welcome).toMatchObject({ round: 0, phase: 'waiting', site: 'north' })
    const offer = await north.offer()
    expect(offer).toMatchObject({ round: 1, attempt: 1, base: north.welcome.student })
    const [ones, fives] = [deltaOf(0.01), deltaOf(0.05)]
    const manifest = await north.manifest(offer, ones, { samples: 3 })
    const receipt = await verifyPayload('receipt', await north.deliver(manifest, ones), key)
    expect(receipt).toMatchObject({
      site: 'north',
      payload: listHash(listChunks(ones)),
      manifest: sha256Hex(manifest),
    })
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
    expect(card).toMatchObject({ round: 2, finished: true, student: last.student, batchNorms: 'federated' })
    expect(card.rounds.map(({ round }) => round)).toEqual([1, 2])
    expect(sha256Hex(await readFile(files[0] ?? ''))).toBe(last.student)
    const onnx = await exportStudy({ dir, study: 'tiny', out: join(dir, 'onnx'), format: 'onnx' })
    expect(onnx.files.map((file) => basename(file))).toEqual([
      'student.onnx',
      'model-card.json',
      'model-card.md',
    ])
    const { metadata } = readOnnxModel(await readFile(onnx.files[0] ?? ''))
    expect(metadata.get(METADATA.student)).toBe(last.student)
    expect(await readFile(onnx.files[2] ?? '', 'utf8')).toContain('| north | 2 |')
  })

  test('no site weighs more than the cap', async () => {
    const { dir, north, south } = await federation({ maxShare: 0.5 })
    for (const [site, value, samples] of [
      [north, 0.01, 1000],
      [south, 0.03, 1],
    ] as const) {
      const bytes = deltaOf(value)
      const metrics = {
        loss: 1,
        ce: 1,
        kl: null,
        nce: null,
        correct: 0,
        seen: samples,
        skippedTiles: 0,
        seconds: 1,
      }
      await site.deliver(await site.manifest(await site.offer(), bytes, { samples, metrics }), bytes)
    }
    const { base, student } = await north.published()
    const bias = async (hash: string): Promise<number> => {
      const weights = decodeModel(await readFile(join(dir, 'models', `${hash}.safetensors`)), TINY_LAYOUT)
      return weights.get('classifier.1.bias')?.[0] ?? 0
    }
    expect(Math.abs((await bias(student)) - (await bias(base)) - 0.02)).toBeLessThan(1e-8)
  })

  test('a model is fetched in chunks by its hash, and only one of the joined study', async () => {
    const { north, dir } = await federation()
    const { base, baseBytes } = await north.offer()
    const { totalBytes, chunks } = await ask(north.socket, 'model:open', { sha256: base })
    expect(totalBytes).toBe(baseBytes)
    const parts: Uint8Array[] = []
    for (let index = 0; index < chunkCount(totalBytes); index++) {
      parts.push((await ask(north.socket, 'model:chunk', { sha256: base, index })).chunk)
    }
    const whole = Buffer.concat(parts)
    expect(sha256Hex(whole)).toBe(base)
    expect(listChunks(whole).digests).toEqual(chunks)
    const behind = chunkCount(totalBytes)
    expect((await ask(north.socket, 'model:chunk', { sha256: base, index: behind })).chunk).toHaveLength(0)
    const other = await createStudy({ dir, study: { ...TINY_STUDY, id: 'other', seed: 'another' } })
    const sha256 = other.student
    expect(await codeOf(ask(north.socket, 'model:open', { sha256 }))).toBe('ERR_MODEL_UNKNOWN')
    expect(await codeOf(ask(north.socket, 'model:chunk', { sha256, index: 0 }))).toBe('ERR_MODEL_UNKNOWN')
  })

  test.each(['websocket', 'polling'] as const)(
    'over %s a window of chunks may be asked for at once, again and again, and no more',
    async (transport) => {
      const { url, key, keys } = await federation()
      const site = await joined(url, key, 'north', keys.north, 'tiny', {}, transport)
      const { base } = await site.offer()
      const fetch = () => ask(site.socket, 'model:chunk', { sha256: base, index: 0 })
      for (let i = 0; i < 3; i++) {
        const chunks = await Promise.all(Array.from({ length: WINDOW_CHUNKS }, fetch))
        expect(new Set(chunks.map(({ chunk }) => sha256Hex(chunk)))).toEqual(new Set([base]))
      }
      const codes = await Promise.all(Array.from({ length: 3 * WINDOW_CHUNKS }, () => codeOf(fetch())))
      expect(new Set(codes)).toEqual(new Set(['no refusal', 'ERR_WINDOW_FULL']))
    },
  )

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
    const chunks = listChunks(bytes).digests
    const { upload, missing } = await ask(north.socket, 'upload:open', { manifest, chunks })
    expect(unpackMissing(missing, 1)).toEqual([0])
    await ask(north.socket, 'upload:chunk', { upload, index: 0, chunk: bytes })
    north.socket.disconnect()
    const back = await joined(url, key, 'north', keys.north)
    expect((await back.offer()).nonce).toBe(offer.nonce)
    const again = await ask(back.socket, 'upload:open', { manifest, chunks })
    expect([again.upload, unpackMissing(again.missing, 1)]).toEqual([upload, []])
    await ask(back.socket, 'upload:commit', { upload })
    await wholeRound([south], [0.01])
    expect((await back.published()).contributors).toHaveLength(2)
  })

  test('a round without its quorum is opened again, and what was delivered counts in it', async () => {
    const { url, key, keys, clock, north, south } = await federation({ quorum: 2 })
    await wholeRound([north], [0.01])
    const missed = await south.offer()
    south.socket.disconnect()
    clock.advance(60_000)
    const back = await joined(url, key, 'south', keys.south)
    const offer = await back.offer()
    expect(offer).toMatchObject({ round: 1, attempt: 2, base: missed.base })
    expect(offer.nonce).not.toBe(missed.nonce)
    const bytes = deltaOf(0.02)
    expect(await codeOf(back.deliver(await back.manifest(missed, bytes), bytes))).toBe('ERR_ROUND_CLOSED')
    await back.deliver(await back.manifest(offer, bytes), bytes)
    const { attempt, contributors } = await north.published()
    expect([attempt, contributors.map(({ site }) => site)]).toEqual([2, ['north', 'south']])
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
    const asked = { sha256: base }
    expect(await codeOf(ask(stranger.socket, 'model:open', asked))).toBe('ERR_NOT_JOINED')
    expect(await codeOf(ask(stranger.socket, 'model:chunk', { ...asked, index: 0 }))).toBe('ERR_NOT_JOINED')
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

  test('an upload goes on with the chunks that are on the disk; what an ended round left is removed', async () => {
    const { coordinator, dir, key, keys, clock, north, south } = await federation()
    const bytes = deltaOf(0.01)
    const offer = await north.offer()
    const manifest = await north.manifest(offer, bytes)
    const chunks = listChunks(bytes).digests
    const { upload } = await ask(north.socket, 'upload:open', { manifest, chunks })
    await ask(north.socket, 'upload:chunk', { upload, index: 0, chunk: bytes })
    await coordinator.close()
    const incoming = join(dir, 'updates', 'incoming')
    expect(await readdir(incoming)).toEqual(['tiny.north.part'])
    await writeFile(join(incoming, 'tiny.gone.part'), 'of a site without an offer')
    await writeFile(join(incoming, 'other.north.part'), "another study's")

    const { url } = (await started(dir, fakeClock(clock.now()))).coordinator
    const back = await joined(url, key, 'north', keys.north)
    const again = await ask(back.socket, 'upload:open', { manifest, chunks })
    expect(again.upload).not.toBe(upload)
    expect(unpackMissing(again.missing, 1)).toEqual([])
    await ask(back.socket, 'upload:commit', { upload: again.upload })
    expect(await readdir(incoming)).toEqual(['other.north.part'])
    south.socket.disconnect()
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

  test('commands that operators gave meanwhile are carried out, and a taken port is ERR_CONFIG_INVALID', async () => {
    const { coordinator, dir, url, key, keys } = await federation()
    const other = await coordinatorFolder()
    await expect(startCoordinator({ dir: other, port: coordinator.port })).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: expect.stringContaining('EADDRINUSE'),
    })
    await (await startCoordinator({ dir: other, port: 0 })).close()
    await createStudy({ dir, study: { ...TINY_STUDY, id: 'second' } })
    expect((await joined(url, key, 'north', keys.north, 'second')).plan.study.id).toBe('second')
    expect(coordinator.progress().map(({ study }) => study)).toEqual(['tiny', 'second'])
    await expect(startCoordinator({ dir })).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' })
  })

  test('a changed event of the store is named, and nothing starts', async () => {
    const { coordinator, dir, north, south } = await federation()
    await wholeRound([north, south], [0.01, 0.01])
    await north.published()
    await coordinator.close()
    const number = withDatabase(join(dir, 'events.db'), (database) => {
      const [row] = database
        .prepare(`SELECT number FROM tessera_event WHERE event LIKE '%update.accepted%' LIMIT 1`)
        .all() as { number: number }[]
      database
        .prepare(
          `UPDATE tessera_event SET event = replace(event, '"samples":1', '"samples":9') WHERE number = ?`,
        )
        .run(row?.number)
      return row?.number
    })
    await expect(started(dir)).rejects.toMatchObject({
      code: 'ERR_STORE_CORRUPT',
      message: expect.stringContaining(`event ${number} of the store `),
    })
  })
})
