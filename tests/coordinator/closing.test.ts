import { startCoordinator } from '@tessera/coordinator'
import { blindObserver, type Observer } from '@tessera/coordinator/operation'
import { readEvents } from '@tessera/coordinator/store'
import { verifyPayload } from '@tessera/shared/security'
import { listChunks } from '@tessera/shared/transfer'
import { describe, expect, test } from 'vitest'
import { fakeClock } from '../support/fake-clock.ts'
import { federation, wholeRound } from './federation.ts'
import {
  ask,
  codeOf,
  connect,
  coordinatorFolder,
  deltaOf,
  enrolled,
  joined,
  type RawSite,
  started,
} from './raw-site.ts'

/** Announces and sends a delta; gives the upload, which only its commit lacks. */
async function uploaded(site: RawSite): Promise<string> {
  const bytes = deltaOf(0.01)
  const manifest = await site.manifest(await site.offer(), bytes)
  const { upload } = await ask(site.socket, 'upload:open', { manifest, chunks: listChunks(bytes).digests })
  await ask(site.socket, 'upload:chunk', { upload, index: 0, chunk: bytes })
  return upload
}

describe('a coordinator that is being closed', () => {
  test('says to what comes now that the connection is lost, which it is', async () => {
    const { coordinator, dir, url, north, south } = await federation()
    const [upload, stranger] = [await uploaded(north), await connect(url)]
    const closing = coordinator.close()
    const codes = await Promise.all([
      codeOf(ask(north.socket, 'upload:commit', { upload })),
      codeOf(ask(south.socket, 'round:decline', { study: 'tiny', round: 1, code: 'ERR_DATA_FOLDER' })),
      codeOf(ask(stranger.socket, 'session:join', { token: 'x' })),
    ])
    expect(codes).toEqual(Array.from(codes, () => 'ERR_CONNECTION_LOST'))
    await closing
    expect((await readEvents(dir)).at(-1)?.type).toBe('round.opened')
  })

  test('answers first what it has begun to do: who is accepted gets his receipt', async () => {
    const { coordinator, key, log, north } = await federation()
    const upload = await uploaded(north)
    const closing = new Promise<void>((resolve, reject) => {
      const push = log.push.bind(log)
      log.push = (...lines) => {
        if (lines.some(({ event }) => event === 'update.accepted')) coordinator.close().then(resolve, reject)
        return push(...lines)
      }
    })
    const { receipt } = await ask(north.socket, 'upload:commit', { upload })
    expect(await verifyPayload('receipt', receipt, key)).toMatchObject({ site: 'north', round: 1 })
    await closing
  })

  test('ends the student that it has begun to make, and its next start goes on with the round after', async () => {
    const dir = await coordinatorFolder()
    let close = (): void => undefined
    const closing = new Promise<void>((resolve) => {
      close = resolve
    })
    const observer: Observer = {
      ...blindObserver,
      // The bytes are there; the record is not signed yet, and nothing is published.
      worked: ({ work }) => void (work === 'aggregate' && close()),
    }
    const coordinator = await startCoordinator({ dir, port: 0, clock: fakeClock(), observer })
    const { url, publicKey } = coordinator
    const closed = closing.then(() => coordinator.close())
    const keys = { north: await enrolled(dir, url, 'north'), south: await enrolled(dir, url, 'south') }
    const sites = await Promise.all(
      (['north', 'south'] as const).map((site) => joined(url, publicKey, site, keys[site])),
    )
    await wholeRound(sites, [0.01, 0.02])
    await closed
    const events = await readEvents(dir)
    expect(events.filter(({ type }) => type === 'round.published')).toHaveLength(1)
    const again = await started(dir)
    expect(again.coordinator.progress()).toMatchObject([{ phase: 'waiting', round: 2 }])
  })
})
