import { once } from 'node:events'
import { request } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { systemClock } from '@tessera/shared/clock'
import { silentLog } from '@tessera/shared/log'
import { AGENT_METRICS, openAgentMetrics } from '@tessera/site-agent/operation'
import { describe, expect, onTestFinished, test } from 'vitest'

function ask(port: number, host = `127.0.0.1:${port}`): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { port, host: '127.0.0.1', path: '/metrics', headers: { host }, agent: false },
      (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (text: string) => (body += text))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      },
    )
    asked.on('error', reject).end()
  })
}

async function opened() {
  const metrics = await openAgentMetrics(0, systemClock, silentLog)
  onTestFinished(() => metrics.close())
  const value = async (name: string) =>
    Number(new RegExp(`^${name} (\\S+)$`, 'm').exec((await ask(metrics.port)).body)?.[1])
  return { ...metrics, value }
}

describe('openAgentMetrics()', () => {
  test('serves every declared metric, and no other', async () => {
    const { port } = await opened()
    const named = [...(await ask(port)).body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [
      name,
      type,
    ])
    expect(named).toEqual(Object.entries(AGENT_METRICS).map(([name, { type }]) => [name, type]))
  })

  test('follows the agent: session, fetching, training, delivery', async () => {
    const metrics = await opened()
    const { value } = metrics
    metrics.see({ kind: 'joined', study: 'colon', site: 'north', rounds: 2 })
    for (const bytes of [100, 300, 500]) metrics.see({ kind: 'fetching', bytes, totalBytes: 500 })
    for (const bytes of [50, 60]) metrics.see({ kind: 'fetching', bytes, totalBytes: 60 })
    metrics.see({
      kind: 'training',
      round: 2,
      rounds: 2,
      step: 3,
      steps: 9,
      loss: 1,
      imagesPerSecond: 40,
      secondsLeft: 7,
    })
    expect(await value('tessera_agent_connected')).toBe(1)
    expect(await value('tessera_agent_fetched_bytes_total')).toBe(560)
    expect(await value('tessera_agent_images_per_second')).toBe(40)
    expect(await value('tessera_agent_steps_done')).toBe(3)
    metrics.see({ kind: 'declined', round: 2, code: 'ERR_ROUND_CLOSED' })
    metrics.see({ kind: 'unreached', code: 'ERR_CONNECTION_LOST', reason: '' })
    expect(await value('tessera_agent_images_per_second')).toBe(0)
    expect(await value('tessera_agent_connected')).toBe(0)
    expect(await value('tessera_agent_declined_total\\{code="ERR_ROUND_CLOSED"\\}')).toBe(1)
  })

  test('answers nobody who asks under another name', async () => {
    const { port } = await opened()
    expect((await ask(port, `evil.example.org:${port}`)).status).toBe(403)
  })

  test('refuses a port that is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    await expect(openAgentMetrics(port, systemClock, silentLog)).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: `metrics port must be free, got EADDRINUSE for ${port}`,
    })
  })
})
