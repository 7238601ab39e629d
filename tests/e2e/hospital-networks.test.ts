import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { createLog } from '@tessera/shared/log'
import { describe, expect, onTestFinished, test } from 'vitest'
import { authority } from '../support/authority.ts'
import { type SiteName, type SmallFederation, smallFederation } from '../support/federation.ts'
import { hospitalProxy } from '../support/hospital-proxy.ts'

/** Changes one of a folder's JSON files. */
async function change(file: string, changes: object): Promise<void> {
  const found = JSON.parse(await readFile(file, 'utf8')) as object
  await writeFile(file, JSON.stringify({ ...found, ...changes }))
}

/** A site's agent that runs until the test ends. `count`: lines of its log with this event. */
function waitingAgent(federation: SmallFederation, site: SiteName, url: string) {
  const stop = new AbortController()
  const lines: string[] = []
  const log = createLog((line) => lines.push(line), systemClock)
  const ended = federation.agent(site, url, { signal: stop.signal, log }).catch(() => undefined)
  onTestFinished(async () => {
    stop.abort()
    await ended
  })
  return { count: (event: string) => lines.filter((line) => line.includes(event)).length }
}

describe('a federation whose sites have proxies between', () => {
  test('trains whole rounds: through one that reads along, one without WebSockets, one with a path', async () => {
    const federation = await smallFederation()
    await change(join(federation.dir, 'coordinator.json'), { url: 'https://fl.example.org/tessera' })
    const coordinator = await federation.start()
    onTestFinished(() => coordinator.close())
    const { port } = coordinator
    const { ca, cert, key } = await authority()
    const readsAlong = await hospitalProxy({ kind: 'forward', secure: { cert, key, upstream: 'plain' } })
    const noWebSocket = await hospitalProxy({ kind: 'reverse', target: port, noWebSocket: true })
    const withPath = await hospitalProxy({ kind: 'reverse', target: port })
    const transport = { ca, proxy: readsAlong.url }
    await change(join(federation.siteDir('north'), 'site.json'), { transport })

    const outcomes = await Promise.all([
      federation.agent('north', `https://localhost:${port}`),
      federation.agent('south', noWebSocket.url),
      federation.agent('west', `${withPath.url}/tessera`),
    ])
    expect(outcomes).toEqual([1, 2, 3].map(() => ({ rounds: 2, finished: true })))
    expect(readsAlong.events[0]).toEqual({ connect: `localhost:${port}` })
    expect(noWebSocket.events[0]).toEqual({ refused: 'websocket' })
    expect(withPath.events[0]).toEqual({ request: '/tessera/socket.io/' })
  })

  test('is kept awake by heartbeats where idle connections are cut, and comes back where they are rarer', async () => {
    const federation = await smallFederation()
    const settings = join(federation.dir, 'coordinator.json')
    // As 5 s are to 30 minutes, but that a busy machine may be late by ten heartbeats.
    await change(settings, { heartbeatMs: 200 })
    const often = await federation.start()
    const awake = await hospitalProxy({ kind: 'reverse', target: often.port, idleMs: 2000 })
    const steady = waitingAgent(federation, 'north', awake.url)
    const heartbeats = () => awake.events.filter(({ passed }) => passed === 'server').length
    await expect.poll(() => steady.count('coordinator.joined')).toBe(1)
    const before = heartbeats()
    // Longer than the proxy lets anything be idle.
    await expect.poll(heartbeats).toBeGreaterThan(before + 12)
    expect(awake.events.filter(({ cut }) => cut)).toEqual([])
    expect(steady.count('coordinator.joined')).toBe(1)
    await often.close()

    await change(settings, { heartbeatMs: 60_000 })
    const rarely = await federation.start()
    onTestFinished(() => rarely.close())
    const cutting = await hospitalProxy({ kind: 'reverse', target: rarely.port, idleMs: 300 })
    const returning = waitingAgent(federation, 'south', cutting.url)
    await expect.poll(() => returning.count('coordinator.joined')).toBeGreaterThan(1)
    expect(cutting.events.filter(({ cut }) => cut === 'idle').length).toBeGreaterThan(0)
  })
})
