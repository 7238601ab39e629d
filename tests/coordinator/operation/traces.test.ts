import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLog, silentLog } from '@tessera/shared/log'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createTracer } from '../../../coordinator/operation/traces.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { federation, wholeRound } from '../federation.ts'

afterEach(() => void vi.unstubAllEnvs())

interface Span {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: { key: string; value: Record<string, string> }[]
  status: { code?: number; message?: string }
}

/** An OTLP collector that keeps what it is sent. @param location Where it points on to. */
async function collector(status = 200, location?: string) {
  const spans: Span[] = []
  const asked: { path: string; headers: IncomingHttpHeaders }[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (part: string) => (text += part))
    request.on('end', () => {
      asked.push({ path: request.url ?? '', headers: request.headers })
      const { resourceSpans } = JSON.parse(text) as {
        resourceSpans: { scopeSpans: { spans: Span[] }[] }[]
      }
      spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)))
      response.writeHead(status, location === undefined ? {} : { location }).end('{}')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, asked }
}

const opened = {
  type: 'round.opened',
  study: 'tiny',
  round: 3,
  attempt: 2,
  base: '',
  openedAtMs: 1_800_000_000_000,
} as never

describe('traces of a coordinator', () => {
  test('are a span a round, with its uploads, its aggregation and its publication below it', async () => {
    const { url, spans, asked } = await collector()
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `${url}/`)
    vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'x-key=a%20b')
    const { coordinator, north, south } = await federation()
    await wholeRound([north, south], [0.01, 0.02])
    await north.published()
    await coordinator.close()
    expect(asked[0]).toMatchObject({ path: '/v1/traces', headers: { 'x-key': 'a b' } })
    const round = spans.find(({ name }) => name === 'round')
    const below = spans.filter(({ parentSpanId }) => parentSpanId === round?.spanId)
    expect(below.map(({ name }) => name).toSorted()).toEqual(['aggregate', 'publish', 'upload', 'upload'])
    expect(new Set(below.map(({ traceId }) => traceId))).toEqual(new Set([round?.traceId]))
    expect(round?.attributes).toEqual([
      { key: 'tessera.study', value: { stringValue: 'tiny' } },
      { key: 'tessera.round', value: { intValue: '1' } },
      { key: 'tessera.attempt', value: { intValue: '1' } },
    ])
    expect(spans.every(({ status }) => status.code === undefined)).toBe(true)
  })
})

describe('createTracer()', () => {
  test('sends every five seconds; times are nanoseconds, and a failure is the span’s status', async () => {
    const { url, spans } = await collector()
    const clock = fakeClock(1_800_000_010_000)
    const tracer = createTracer(
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/any` },
      clock,
      createLog(() => undefined, clock),
    )
    tracer.observer.recorded(opened)
    const worked = {
      study: 'tiny',
      endedAtMs: clock.now(),
      durationMs: 1500.5,
      code: 'ERR_UPDATE_NORM',
    } as const
    tracer.observer.worked({ work: 'upload', site: 'north', ...worked })
    tracer.observer.worked({ work: 'append', ...worked })
    clock.advance(5000)
    await expect.poll(() => spans).toHaveLength(1)
    expect(spans[0]).toMatchObject({
      name: 'upload',
      startTimeUnixNano: '1800000008499500000',
      endTimeUnixNano: '1800000010000000000',
      status: { code: 2, message: 'ERR_UPDATE_NORM' },
    })
    tracer.observer.recorded({ type: 'round.closed', study: 'tiny', outcome: 'retry' } as never)
    await tracer.stop()
    expect(spans[1]).toMatchObject({
      name: 'round',
      spanId: spans[0]?.parentSpanId,
      startTimeUnixNano: '1800000000000000000',
      status: { message: 'ERR_ROUND_EMPTY' },
    })
  })

  test('drops what the collector does not take, and what is too much, and says so', async () => {
    const { url } = await collector(503)
    const clock = fakeClock()
    const lines: object[] = []
    const tracer = createTracer(
      { OTEL_EXPORTER_OTLP_ENDPOINT: url },
      clock,
      createLog((line) => lines.push(JSON.parse(line) as object), clock),
    )
    for (let i = 0; i < 2050; i++)
      tracer.observer.worked({ work: 'publish', study: 'tiny', endedAtMs: 1, durationMs: 1, code: null })
    await tracer.stop()
    expect(lines).toMatchObject([{ event: 'traces.dropped', count: 2050, reason: 'status 503' }])
  })

  test('goes nowhere that a collector points on to: its key is for the collector', async () => {
    const other = await collector()
    const { url } = await collector(307, other.url)
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a' }
    const tracer = createTracer(environment, fakeClock(), silentLog)
    tracer.observer.worked({ work: 'publish', study: 'tiny', endedAtMs: 1, durationMs: 1, code: null })
    await tracer.stop()
    expect(other.asked).toEqual([])
  })

  test.each([
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' },
      'OTLP endpoint must be an address of http or https, got another text',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_EXPORTER_OTLP_HEADERS: 'a b=c' },
      'OTLP headers must be name=value pairs, got another text',
    ],
  ])('refuses %j', (environment, message) => {
    const clock = fakeClock()
    expect(() =>
      createTracer(
        environment,
        clock,
        createLog(() => undefined, clock),
      ),
    ).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID', message }))
    expect(clock.pending()).toBe(0)
  })
})
