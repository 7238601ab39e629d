import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { coordinatorFolder, enrolled, joined, started } from './raw-site.ts'

/** Short, so that a test can wait for it. */
const HEARTBEAT_MS = 200

describe('the heartbeat', () => {
  test('is 5 s by default, so that a dead agent is noticed within 10', async () => {
    const settings = JSON.parse(await readFile(join(await coordinatorFolder(), 'coordinator.json'), 'utf8'))
    expect(settings).toMatchObject({ heartbeatMs: 5000 })
  })

  test('finds an agent that is silent on an open connection; its round goes on without an answer from it', async () => {
    const dir = await coordinatorFolder()
    const file = join(dir, 'coordinator.json')
    const settings = JSON.parse(await readFile(file, 'utf8')) as object
    await writeFile(file, JSON.stringify({ ...settings, heartbeatMs: HEARTBEAT_MS }))
    const { coordinator } = await started(dir)
    const { url, publicKey: key } = coordinator
    const keys = { north: await enrolled(dir, url, 'north'), south: await enrolled(dir, url, 'south') }
    await joined(url, key, 'south', keys.south)
    const north = await joined(url, key, 'north', keys.north)
    const offer = await north.offer()
    // The process lives and its connection is open, but nothing comes any more: a machine that has gone without a word.
    const { ws } = north.socket.io.engine.transport as unknown as {
      ws: { pause(): void; terminate(): void }
    }
    ws.pause()
    const site = () => coordinator.progress()[0]?.sites.find((one) => one.site === 'north')
    await expect.poll(site).toMatchObject({ connected: false, state: 'asked' })
    expect(coordinator.progress()[0]).toMatchObject({ phase: 'collecting', round: 1 })
    const back = await joined(url, key, 'north', keys.north)
    expect((await back.offer()).nonce).toBe(offer.nonce)
    // It would never hear that the coordinator closes.
    ws.terminate()
  })

  test.each([99, 60_001, '5s'])('of %o is ERR_CONFIG_INVALID', async (heartbeatMs) => {
    const dir = await coordinatorFolder()
    const file = join(dir, 'coordinator.json')
    const settings = JSON.parse(await readFile(file, 'utf8')) as object
    await writeFile(file, JSON.stringify({ ...settings, heartbeatMs }))
    await expect(started(dir)).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
  })
})
