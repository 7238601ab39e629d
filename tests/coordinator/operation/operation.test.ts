import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { startCoordinator } from '@tessera/coordinator'
import { COORDINATOR_METRICS, createHealth, mountOperation } from '@tessera/coordinator/operation'
import { silentLog } from '@tessera/shared/log'
import { createWebApp } from '@tessera/shared/web'
import { describe, expect, test } from 'vitest'
import { fakeClock } from '../../support/fake-clock.ts'
import { freePort } from '../../support/free-port.ts'
import { federation, wholeRound } from '../federation.ts'
import { coordinatorFolder, started } from '../raw-site.ts'

const TOKEN = 'a-token-of-twenty-four-characters'

/** The values of a page of metrics, by name and labels as they stand there. */
function valuesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => [
      line.slice(0, line.lastIndexOf(' ')),
      Number(line.slice(line.lastIndexOf(' ') + 1)),
    ]),
  )
}

/** A GET with any headers: `fetch` sends a Host of its own. */
function get(url: string, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    asked.on('error', reject).end()
  })
}

async function withSettings(settings: object): Promise<string> {
  const dir = await coordinatorFolder()
  const file = join(dir, 'coordinator.json')
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...settings }))
  return dir
}

describe('GET /metrics', () => {
  test('counts what a round does, and shows where its study stands', async () => {
    const { url, north, south, clock } = await federation()
    clock.advance(30_000)
    await wholeRound([north, south], [0.01, 0.02])
    await north.published()
    await north.offer()
    const { body } = await get(`${url}/metrics`)
    const values = valuesOf(body)
    expect(
      Object.fromEntries([...values].filter(([name]) => name.includes('"tiny"') && !name.includes('le='))),
    ).toEqual({
      'tessera_study_phase{study="tiny",phase="collecting"}': 1,
      'tessera_study_paused{study="tiny"}': 0,
      'tessera_study_rounds{study="tiny"}': 2,
      'tessera_round{study="tiny"}': 2,
      'tessera_round_deadline_timestamp_seconds{study="tiny"}': expect.any(Number),
      'tessera_round_offered_sites{study="tiny"}': 2,
      'tessera_round_accepted_sites{study="tiny"}': 0,
      'tessera_round_seconds_sum{study="tiny"}': expect.any(Number),
      'tessera_round_seconds_count{study="tiny"}': 1,
      'tessera_published_timestamp_seconds{study="tiny"}': clock.now() / 1000,
      'tessera_published_total{study="tiny"}': 1,
      'tessera_updates_accepted_total{study="tiny"}': 2,
      'tessera_site_connected{study="tiny",site="north"}': 1,
      'tessera_site_connected{study="tiny",site="south"}': 1,
    })
    expect(values.get('tessera_sessions')).toBeGreaterThanOrEqual(2)
    expect(values.get('tessera_received_bytes_total')).toBeGreaterThan(0)
    expect(values.get('tessera_upload_seconds_count')).toBe(2)
    expect(values.get('tessera_aggregate_seconds_count')).toBe(1)
    expect(values.get('tessera_store_append_seconds_count')).toBeGreaterThan(5)
    expect(values.get('tessera_disk_free_bytes')).toBeLessThan(values.get('tessera_disk_bytes') ?? 0)
  })

  test('has every declared metric, and no other', async () => {
    const { coordinator } = await started(await coordinatorFolder())
    const { body } = await get(`${coordinator.url}/metrics`)
    const named = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type])
    expect(named).toEqual(Object.entries(COORDINATOR_METRICS).map(([name, { type }]) => [name, type]))
  })

  test('counts a refused message by its code, and a session that has ended no more', async () => {
    const { url, north } = await federation()
    await expect(
      north.manifest(await north.offer(), new Uint8Array(4)).then((m) => north.deliver(m, new Uint8Array(4))),
    ).rejects.toThrow()
    north.socket.disconnect()
    const sessions = async () => valuesOf((await get(`${url}/metrics`)).body).get('tessera_sessions')
    await expect.poll(sessions).toBe(1)
    expect((await get(`${url}/metrics`)).body).toMatch(
      /^tessera_refused_total\{what="message",code="ERR_UPDATE_\w+"\} 1$/m,
    )
  })

  test('is for this machine by its own name only, unless there is a token', async () => {
    const dir = await withSettings({ metricsToken: TOKEN })
    const { url } = (await started(dir)).coordinator
    const status = async (headers: Record<string, string>) => (await get(`${url}/metrics`, headers)).status
    expect(await status({})).toBe(200)
    // As from a page whose name leads to 127.0.0.1.
    expect(await status({ host: 'evil.example.org' })).toBe(403)
    // As from a proxy of this machine that the settings do not know of, and that hands on a name of its own.
    expect(await status({ 'x-forwarded-for': '203.0.113.7' })).toBe(403)
    expect(await status({ host: 'fl.example.org', authorization: `Bearer ${TOKEN}` })).toBe(200)
    expect(await status({ host: 'fl.example.org', authorization: `Bearer ${TOKEN}x` })).toBe(403)
    expect(await status({ host: 'fl.example.org', authorization: TOKEN })).toBe(403)
  })

  test('behind a proxy needs the token: all come from this machine', async () => {
    const dir = await withSettings({ proxy: true, url: 'https://fl.example.org', metricsToken: TOKEN })
    const { url } = (await started(dir)).coordinator
    const refused = await get(`${url}/metrics`)
    expect(refused.status).toBe(403)
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'ERR_METRICS_TOKEN' })
    expect((await get(`${url}/metrics`, { authorization: `Bearer ${TOKEN}` })).status).toBe(200)
  })

  test('a token that can be guessed is refused at the start, and not repeated', async () => {
    const dir = await withSettings({ metricsToken: 'secret' })
    await expect(started(dir)).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: expect.not.stringContaining('secret'),
    })
  })
})

describe('GET /healthz and /readyz', () => {
  test('answer anyone with one word', async () => {
    const { coordinator } = await started(await coordinatorFolder())
    const ask = (path: string) => get(`${coordinator.url}${path}`, { host: 'fl.example.org' })
    expect(await ask('/healthz')).toEqual({ status: 200, body: '{"alive":true}' })
    expect(await ask('/readyz')).toEqual({ status: 200, body: '{"ready":true,"reason":"ready"}' })
  })

  test('a folder that takes no file is not ready, until it does', async () => {
    const dir = await coordinatorFolder()
    const { coordinator, clock } = await started(dir)
    // Root may write anywhere: a folder in the place of the file stops it too.
    const probe = join(dir, '.tmp-probe')
    await mkdir(probe)
    const ready = () => get(`${coordinator.url}/readyz`)
    expect(await ready()).toEqual({ status: 503, body: '{"ready":false,"reason":"store"}' })
    await rm(probe, { recursive: true })
    clock.advance(5000)
    expect((await ready()).status).toBe(200)
  })

  test('a coordinator that cannot open its store leaves the port', async () => {
    const dir = await coordinatorFolder()
    const { coordinator } = await started(dir)
    const port = await freePort()
    await expect(startCoordinator({ dir, port })).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' })
    await expect(get(`http://127.0.0.1:${port}/healthz`)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await coordinator.close()
    await expect(get(`${coordinator.url}/healthz`)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('/readyz is 503 with the reason while the coordinator starts and stops', async () => {
    const health = createHealth(fakeClock())
    const app = createWebApp(silentLog)
    const metrics = { text: async () => '', contentType: 'text/plain' }
    mountOperation(app, { health, metrics, proxy: false })
    const ready = async () => {
      const answer = await app.request('/readyz')
      return [answer.status, await answer.json()]
    }
    expect(await ready()).toEqual([503, { ready: false, reason: 'starting' }])
    health.stopping()
    expect(await ready()).toEqual([503, { ready: false, reason: 'stopping' }])
    expect((await app.request('/healthz')).status).toBe(200)
  })
})
