import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readEvents } from '@tessera/coordinator/store'
import { decodeModel } from '@tessera/shared/model'
import { verifyPayload } from '@tessera/shared/security'
import { listChunks, unpackMissing } from '@tessera/shared/transfer'
import { describe, expect, test } from 'vitest'
import { fakeClock } from '../support/fake-clock.ts'
import { federation, wholeRound } from './federation.ts'
import { ask, codeOf, deltaOf, joined, type RawSite, started, TINY_LAYOUT } from './raw-site.ts'

const DAY_MS = 24 * 3600 * 1000
const DEADLINE_MS = 60_000

const train = (site: RawSite, step: number) =>
  ask(site.socket, 'round:progress', { study: 'tiny', round: 1, step, steps: 99, loss: 1, secondsLeft: 1 })

describe('a deadline that moves', () => {
  test('a site that trains on is waited for; one that says the same step again is not', async () => {
    const { coordinator, dir, clock, north, south } = await federation()
    await wholeRound([south], [0.01])
    const offer = await north.offer()
    for (const step of [1, 2, 3]) {
      clock.advance(DEADLINE_MS - 1)
      await train(north, step)
    }
    expect(coordinator.progress()[0]).toMatchObject({ phase: 'collecting', round: 1 })
    const bytes = deltaOf(0.02)
    const { upload } = await ask(north.socket, 'upload:open', {
      manifest: await north.manifest(offer, bytes),
      chunks: listChunks(bytes).digests,
    })
    clock.advance(DEADLINE_MS - 1)
    await ask(north.socket, 'upload:chunk', { upload, index: 0, chunk: bytes })
    clock.advance(DEADLINE_MS - 1)
    for (let i = 0; i < 2; i++) await train(north, 3)
    clock.advance(DEADLINE_MS)
    expect((await south.published()).absent).toEqual([{ site: 'north', code: 'ERR_TIMED_OUT' }])
    const moved = (await readEvents(dir)).filter(({ type }) => type === 'deadline.moved')
    expect(moved.length).toBeGreaterThan(0)
    expect(moved.length).toBeLessThanOrEqual(5)
  })

  test('the offer names the latest end, which no progress moves', async () => {
    const { clock, north, south } = await federation({ stretch: 2 })
    await wholeRound([south], [0.01])
    const { issuedAtMs, deadlineMs } = await north.offer()
    expect(deadlineMs - issuedAtMs).toBe(2 * DEADLINE_MS)
    await train(north, 1)
    clock.advance(DEADLINE_MS)
    await train(north, 2)
    clock.advance(DEADLINE_MS)
    expect((await south.published()).contributors).toHaveLength(1)
  })
})

describe('the grace after the quorum', () => {
  test('ends the round although a site still trains', async () => {
    const { clock, north, south } = await federation({ graceMs: 5000 })
    await north.offer()
    await wholeRound([south], [0.01])
    await train(north, 1)
    clock.advance(5000)
    expect((await south.published()).absent).toEqual([{ site: 'north', code: 'ERR_ROUND_CLOSED' }])
  })
})

describe('a date that jumps by a day', () => {
  test.each([DAY_MS, -DAY_MS])('%d ms: the round lasts as long as it was to', async (jumpMs) => {
    const { coordinator, clock, north, south } = await federation()
    await wholeRound([south], [0.01])
    const offer = await north.offer()
    clock.jump(jumpMs)
    clock.advance(DEADLINE_MS - 1)
    // Asked and answered: whatever the jump has set off is done by then.
    await ask(north.socket, 'model:open', { sha256: offer.base })
    expect(coordinator.progress()[0]).toMatchObject({ phase: 'collecting', round: 1 })
    clock.advance(1)
    expect((await south.published()).absent).toEqual([{ site: 'north', code: 'ERR_TIMED_OUT' }])
    const next = await south.offer()
    expect(next.issuedAtMs).toBe(clock.now())
  })

  test.each([DAY_MS, -DAY_MS])(
    '%d ms: what comes in time counts, and is dated in its round',
    async (jumpMs) => {
      const { key, clock, north } = await federation()
      const [bytes, offer] = [deltaOf(0.01), await north.offer()]
      clock.jump(jumpMs)
      clock.advance(1000)
      const receipt = await north.deliver(await north.manifest(offer, bytes), bytes)
      const { receivedAtMs } = await verifyPayload('receipt', receipt, key)
      expect(receivedAtMs).toBe(offer.issuedAtMs + 1000)
    },
  )

  test('a coordinator that was away for days gives its sites time to come back', async () => {
    const { coordinator, dir, key, keys, clock, north, south } = await federation()
    await wholeRound([south], [0.01])
    await north.offer()
    await coordinator.close()
    const later = fakeClock(clock.now() + 3 * DAY_MS)
    const { url } = (await started(dir, later)).coordinator
    later.advance(30_000)
    const back = await joined(url, key, 'north', keys.north)
    const bytes = deltaOf(0.01)
    await back.deliver(await back.manifest(await back.offer(), bytes), bytes)
    expect((await back.published()).contributors).toHaveLength(2)
  })
})

describe('a late update', () => {
  const late = { maxStaleness: 1 }

  test('counts in the open round with 1/√2 of its weight, says so in receipt and record, and only once', async () => {
    const { clock, dir, key, north, south } = await federation({ late })
    const [first, bytes] = [await north.offer(), deltaOf(0.03)]
    await wholeRound([south], [0.01])
    clock.advance(DEADLINE_MS)
    await south.published()
    expect(await north.offer()).toMatchObject({ round: 2 })
    const manifest = await north.manifest(first, bytes, { samples: 1 })
    const receipt = await verifyPayload('receipt', await north.deliver(manifest, bytes), key)
    expect(receipt).toMatchObject({ round: 1, countsIn: 2 })
    expect(await codeOf(north.deliver(manifest, bytes))).toBe('ERR_UPDATE_REPLAYED')
    await wholeRound([south], [0.01])
    const { base, student, contributors } = await south.published()
    expect(contributors.map(({ site, samples, staleness }) => [site, samples, staleness])).toEqual([
      ['north', 1, 1],
      ['south', 1, 0],
    ])
    const bias = async (hash: string): Promise<number> => {
      const weights = decodeModel(await readFile(join(dir, 'models', `${hash}.safetensors`)), TINY_LAYOUT)
      return weights.get('classifier.1.bias')?.[0] ?? 0
    }
    const want = (0.03 / Math.SQRT2 + 0.01) / (1 / Math.SQRT2 + 1)
    expect(Math.abs((await bias(student)) - (await bias(base)) - want)).toBeLessThan(1e-8)
  })

  test('goes on after a cut, and after its round has ended while it came in', async () => {
    const { clock, url, key, keys, north, south } = await federation({ late })
    const [offer, bytes] = [await north.offer(), deltaOf(0.03)]
    const manifest = await north.manifest(offer, bytes)
    const chunks = listChunks(bytes).digests
    const { upload } = await ask(north.socket, 'upload:open', { manifest, chunks })
    await ask(north.socket, 'upload:chunk', { upload, index: 0, chunk: bytes })
    await wholeRound([south], [0.01])
    clock.advance(2 * DEADLINE_MS)
    await south.published()
    north.socket.disconnect()
    const back = await joined(url, key, 'north', keys.north)
    const { missing } = await ask(back.socket, 'upload:open', { manifest, chunks })
    expect(unpackMissing(missing, 1)).toEqual([])
  })

  test('of another base than its round had, or two rounds old, is refused', async () => {
    const { clock, north, south } = await federation({ late })
    const [first, bytes] = [await north.offer(), deltaOf(0.03)]
    await wholeRound([south], [0.01])
    clock.advance(DEADLINE_MS)
    const { student } = await south.published()
    await north.offer()
    const rebased = await north.manifest(first, bytes, { base: student })
    expect(
      await codeOf(
        ask(north.socket, 'upload:open', { manifest: rebased, chunks: listChunks(bytes).digests }),
      ),
    ).toBe('ERR_UPDATE_BASE')
  })
})
