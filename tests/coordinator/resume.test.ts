import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readEvents } from '@tessera/coordinator/store'
import type { Published } from '@tessera/shared/protocol'
import { sha256Hex, signPayload } from '@tessera/shared/security'
import { listChunks } from '@tessera/shared/transfer'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { federation, wholeRound } from './federation.ts'
import { ask, codeOf, deltaOf, joined, started } from './raw-site.ts'

const INSTANCE = 'another agent of this site'

describe('the welcome', () => {
  test('says all of where the study stands: open round, own offer, what is there of the own update, latest record', async () => {
    const { url, key, keys, north, south } = await federation()
    const [offer, bytes] = [await north.offer(), deltaOf(0.01)]
    const { upload } = await ask(north.socket, 'upload:open', {
      manifest: await north.manifest(offer, bytes),
      chunks: listChunks(bytes).digests,
    })
    await ask(north.socket, 'upload:chunk', { upload, index: 0, chunk: bytes })
    const back = await joined(url, key, 'north', keys.north)
    expect(back.welcome).toMatchObject({
      round: 0,
      record: '',
      phase: 'collecting',
      open: { round: 1, attempt: 1 },
      update: { round: 1, attempt: 1, bytes: bytes.byteLength, accepted: false },
      prove: false,
    })
    expect((await back.offer()).nonce).toBe(offer.nonce)

    await wholeRound([south], [0.01])
    const there = await joined(url, key, 'south', keys.south)
    expect(there.welcome).toMatchObject({
      offer: null,
      update: { round: 1, bytes: bytes.byteLength, accepted: true },
    })
  })

  test('is followed by the latest record when the site does not have it, and by no offer that it held', async () => {
    const { url, key, keys, north, south } = await federation()
    await wholeRound([north, south], [0.01, 0.01])
    const record = await north.records.next()
    const behind = await joined(url, key, 'north', keys.north)
    expect(behind.welcome).toMatchObject({ round: 1, record: sha256Hex(record) })
    expect(await behind.records.next()).toBe(record)

    const ledger = { round: 1, record: sha256Hex(record) }
    const level = await joined(url, key, 'north', keys.north, 'tiny', { ledger })
    await wholeRound([level, south], [0.01, 0.01])
    // The first record it hears of is that of the next round; the first offer was its only one.
    expect((await level.published()).round).toBe(2)
  })
})

describe('two agents of one site', () => {
  test('the second waits for the first, and comes in once that is gone', async () => {
    const { url, key, keys, north } = await federation()
    const second = () => joined(url, key, 'north', keys.north, 'tiny', { instance: INSTANCE })
    const refusals = [await codeOf(second()), await codeOf(second())]
    expect(refusals).toEqual(['ERR_SITE_BUSY', 'ERR_SITE_BUSY'])
    expect(north.socket.connected).toBe(true)
    expect((await north.offer()).round).toBe(1)
    north.socket.disconnect()
    await expect.poll(() => codeOf(second())).toBe('no refusal')
  })
})

/** A federation whose coordinator was restored from the backup that was taken before its first round was published. */
async function restored() {
  const first = await federation()
  await first.coordinator.close()
  const backup = join(await temporaryFolder(), 'backup')
  await cp(first.dir, backup, { recursive: true })
  const run = await started(first.dir)
  const { url } = run.coordinator
  const { key, keys } = first
  const [north, south] = [
    await joined(url, key, 'north', keys.north),
    await joined(url, key, 'south', keys.south),
  ]
  await wholeRound([north, south], [0.01, 0.01])
  const record = await north.records.next()
  await run.coordinator.close()
  await rm(join(backup, 'coordinator.lock'), { recursive: true, force: true })
  return { key, keys, record, dir: first.dir, backup, restored: await started(backup) }
}

describe('a coordinator that was restored from an old backup', () => {
  test('is halted by the first site that shows a record it does not know; other sites wait too', async () => {
    const { key, keys, record, backup, restored: run } = await restored()
    const { url } = run.coordinator
    const ended = codeOf(run.coordinator.ended)
    const south = await joined(url, key, 'south', keys.south)
    const ledger = { round: 1, record: sha256Hex(record) }
    const north = await joined(url, key, 'north', keys.north, 'tiny', { ledger })
    expect(north.welcome).toMatchObject({ prove: true, offer: null, round: 0 })
    expect(
      await codeOf(ask(north.socket, 'round:decline', { study: 'tiny', round: 1, code: 'ERR_USAGE' })),
    ).toBe('ERR_NOT_JOINED')
    expect(await codeOf(ask(north.socket, 'ledger:show', { record }))).toBe('ERR_LEDGER_BEHIND')
    expect((await south.refused).code).toBe('ERR_LEDGER_BEHIND')
    expect(await ended).toBe('ERR_LEDGER_BEHIND')
    expect(run.coordinator.progress()[0]).toMatchObject({ phase: 'halted' })
    expect((await joined(url, key, 'south', keys.south)).welcome.phase).toBe('halted')
    expect((await readEvents(backup)).at(-1)).toMatchObject({
      type: 'study.halted',
      site: 'north',
      record: 1,
    })
    await run.coordinator.close()
    expect(await codeOf((await started(backup)).coordinator.ended)).toBe('ERR_LEDGER_BEHIND')
  })

  test('goes on when a newer backup is restored', async () => {
    const { key, keys, record, dir, restored: run } = await restored()
    await run.coordinator.close()
    const { url } = (await started(dir)).coordinator
    const ledger = { round: 1, record: sha256Hex(record) }
    const north = await joined(url, key, 'north', keys.north, 'tiny', { ledger })
    expect(north.welcome).toMatchObject({ prove: false, round: 1, phase: 'collecting' })
  })

  test('is not halted by a claim without its proof, nor by what another key or another study has signed', async () => {
    const { url, key, keys, coordinator, dir } = await federation()
    const ledger = { round: 7, record: 'a'.repeat(64) }
    const liar = await joined(url, key, 'north', keys.north, 'tiny', { ledger })
    const record: Published = {
      study: 'tiny',
      plan: 'c'.repeat(64),
      round: 7,
      attempt: 1,
      base: 'a'.repeat(64),
      student: 'b'.repeat(64),
      strategy: 'fedavg',
      serverState: [],
      encoding: 'f32',
      previous: '',
      contributors: [],
      offered: [],
      absent: [],
      final: false,
      closedAtMs: 1,
    }
    const forged = await signPayload('published', record, keys.north.privateKey)
    expect(await codeOf(ask(liar.socket, 'ledger:show', { record: forged }))).toBe('ERR_SIGNATURE_INVALID')
    expect(coordinator.progress()[0]).toMatchObject({ phase: 'collecting' })
    expect((await readEvents(dir)).map(({ type }) => type)).not.toContain('study.halted')
    const honest = await joined(url, key, 'north', keys.north)
    expect(await codeOf(ask(honest.socket, 'ledger:show', { record: forged }))).toBe('ERR_NOT_JOINED')
  })
})
