import { copyFile, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rotateCoordinatorKey } from '@tessera/coordinator'
import { systemClock } from '@tessera/shared/clock'
import { fingerprint, generateKeyPair, loadPrivateKey, savePrivateKey } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { loadCoordinator, storePlace } from '../../coordinator/config.ts'
import { readEvents } from '../../coordinator/store/index.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { federation, wholeRound } from './federation.ts'
import { ask, codeOf, connect, coordinatorFolder, joined, started } from './raw-site.ts'

const keyOf = (dir: string) => join(dir, 'keys', 'coordinator.jwk')
const nextOf = (dir: string) => join(dir, 'keys', 'coordinator.next.jwk')

describe('rotateCoordinatorKey()', () => {
  test('goes on in the middle of a study: the old key is gone, sites that know the change join the new one', async () => {
    const { dir, coordinator, key, keys, north, south } = await federation()
    await wholeRound([north, south], [0.01, 0.02])
    await north.published()
    await coordinator.close()
    const { from, to } = await rotateCoordinatorKey({ dir, clock: fakeClock() })
    expect(from).toBe(fingerprint(key))
    const second = await started(dir)
    const { url, publicKey } = second.coordinator
    expect(fingerprint(publicKey)).toBe(to)
    expect(await codeOf(joined(url, key, 'north', keys.north))).toBe('ERR_COORDINATOR_KEY')
    const first = (await readEvents(dir)).find((event) => event.type === 'round.published')
    const ledger = { round: 1, record: first?.recordSha256 ?? '' }
    const again = (site: 'north' | 'south') =>
      joined(url, publicKey, site, keys[site], 'tiny', { ledger }, undefined, key)
    const sites = [await again('north'), await again('south')]
    await wholeRound(sites, [0.03, 0.04])
    expect(await sites[0]?.published()).toMatchObject({ round: 2, final: true })
  })

  test('tells each change by its number, and how many there are', async () => {
    const dir = await coordinatorFolder()
    await rotateCoordinatorKey({ dir, clock: fakeClock() })
    await rotateCoordinatorKey({ dir, clock: fakeClock() })
    const { ring } = await loadCoordinator(dir)
    const { socket } = await connect((await started(dir)).coordinator.url)
    expect(await ask(socket, 'key:fetch', { number: 1 })).toEqual({ count: 2, ...ring.changes[0] })
    expect(await ask(socket, 'key:fetch', { number: 2 })).toEqual({ count: 2, ...ring.changes[1] })
    expect(await ask(socket, 'key:fetch', { number: 3 })).toEqual({ count: 2, change: '', acceptance: '' })
  })

  test('is refused while the coordinator runs', async () => {
    const { dir, key } = await federation()
    expect(await codeOf(rotateCoordinatorKey({ dir, clock: systemClock }))).toBe('ERR_STORE_LOCKED')
    expect((await loadCoordinator(dir)).key.publicKey).toBe(key)
  })

  test("leaves the events where they are: a shared database knows them by the coordinator's first key", async () => {
    const dir = await coordinatorFolder()
    const before = await storePlace(dir, {})
    await rotateCoordinatorKey({ dir, clock: fakeClock() })
    expect(await storePlace(dir, {})).toEqual(before)
    expect((await readEvents(dir)).map(({ type }) => type)).toEqual(['study.created'])
  })

  test('a crash before the change counts leaves the old key', async () => {
    const dir = await coordinatorFolder()
    const { key } = await loadCoordinator(dir)
    await savePrivateKey(nextOf(dir), await generateKeyPair())
    expect((await loadCoordinator(dir)).key.publicKey).toBe(key.publicKey)
    await rotateCoordinatorKey({ dir, clock: fakeClock() })
    expect((await loadCoordinator(dir)).ring.keys).toHaveLength(2)
  })

  test('a crash after the change counts is finished at the next start', async () => {
    const dir = await coordinatorFolder()
    const old = join(dir, 'old.jwk')
    await copyFile(keyOf(dir), old)
    await rotateCoordinatorKey({ dir, clock: fakeClock() })
    const { publicKey } = await loadPrivateKey(keyOf(dir))
    // As it was between the two steps.
    await rename(keyOf(dir), nextOf(dir))
    await rename(old, keyOf(dir))
    expect((await loadCoordinator(dir)).key.publicKey).toBe(publicKey)
    expect((await loadPrivateKey(keyOf(dir))).publicKey).toBe(publicKey)
    await expect(loadPrivateKey(nextOf(dir))).rejects.toMatchObject({ code: 'ERR_KEY_FILE' })
  })

  test('a folder whose key is not that of its last change is refused', async () => {
    const dir = await coordinatorFolder()
    const old = join(dir, 'old.jwk')
    await copyFile(keyOf(dir), old)
    await rotateCoordinatorKey({ dir, clock: fakeClock() })
    await rename(old, keyOf(dir))
    expect(await codeOf(loadCoordinator(dir))).toBe('ERR_KEY_FILE')
    await writeFile(join(dir, 'keys', 'key-changes.json'), 'no list')
    expect(await codeOf(loadCoordinator(dir))).toBe('ERR_KEY_FILE')
  })

  test('names each study with its plan and its last record', async () => {
    const { dir, coordinator, north, south } = await federation()
    await wholeRound([north, south], [0.01, 0.02])
    const record = await north.published()
    await coordinator.close()
    await rotateCoordinatorKey({ dir, clock: fakeClock() })
    const text = await readFile(join(dir, 'keys', 'key-changes.json'), 'utf8')
    const [{ change }] = JSON.parse(text) as [{ change: string }]
    const { heads } = JSON.parse(Buffer.from(change.split('.')[1] ?? '', 'base64url').toString())
    expect(heads).toEqual([{ study: 'tiny', plan: record.plan, round: 1 }])
  })

  test('the private key that was replaced is nowhere in the folder', async () => {
    const dir = await coordinatorFolder()
    const { d } = JSON.parse(await readFile(keyOf(dir), 'utf8')) as { d: string }
    await rotateCoordinatorKey({ dir, clock: fakeClock() })
    expect(await readFile(keyOf(dir), 'utf8')).not.toContain(d)
    expect(JSON.stringify(await readEvents(dir))).not.toContain(d)
  })
})
