import { silentLog } from '@tessera/shared/log'
import {
  BODY_PAUSE_MS,
  createWebApp,
  JSON_WITHIN_MS,
  MAX_JSON_BYTES,
  readJson,
  type WebApp,
} from '@tessera/shared/web'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type FakeClock, fakeClock } from '../../support/fake-clock.ts'

function appReading(clock: FakeClock): WebApp {
  const app = createWebApp(silentLog)
  app.post('/', async (c) => c.json(await readJson(c, clock, z.strictObject({ n: z.int() }))))
  return app
}

/** `duplex` is asked for by Node, and unknown to the browser's types. */
const HALF: object = { duplex: 'half' }
const post = (app: WebApp, body: string | ReadableStream): Promise<Response> =>
  Promise.resolve(app.request('/', { method: 'POST', body, ...HALF }))
const codeOf = async (response: Response): Promise<[number, string]> => [
  response.status,
  ((await response.json()) as { code: string }).code,
]

/** A body that sends `bytes` each time that it is asked, `pauseMs` later. */
function drip(clock: FakeClock, pauseMs: number, bytes = 1): ReadableStream {
  return new ReadableStream({
    async pull(controller) {
      // After the reader has begun to wait.
      await new Promise((resolve) => setImmediate(resolve))
      clock.advance(pauseMs)
      controller.enqueue(new Uint8Array(bytes).fill(0x20))
    },
  })
}

describe('readJson()', () => {
  test('gives what fits the schema', async () => {
    expect(await (await post(appReading(fakeClock()), '{"n":3}')).json()).toEqual({ n: 3 })
  })

  test.each([['{"n":'], ['{"n":"3"}'], ['{"n":3,"more":1}'], ['']])('refuses %j', async (body) => {
    expect(await codeOf(await post(appReading(fakeClock()), body))).toEqual([400, 'ERR_USAGE'])
  })

  test('refuses a body whose said length is too large, before it reads', async () => {
    const response = await appReading(fakeClock()).request('/', {
      method: 'POST',
      headers: { 'content-length': String(MAX_JSON_BYTES + 1) },
    })
    expect(await codeOf(response)).toEqual([413, 'ERR_BODY_TOO_LARGE'])
  })

  test('refuses a body that says no length as soon as it is too large', async () => {
    const clock = fakeClock()
    const endless = drip(clock, 0, 64 * 1024)
    expect(await codeOf(await post(appReading(clock), endless))).toEqual([413, 'ERR_BODY_TOO_LARGE'])
  })

  test('refuses a body that pauses', async () => {
    const clock = fakeClock()
    const paused = drip(clock, BODY_PAUSE_MS)
    expect(await codeOf(await post(appReading(clock), paused))).toEqual([408, 'ERR_TIMED_OUT'])
  })

  test('refuses a body that comes byte by byte for too long', async () => {
    const clock = fakeClock()
    const slow = drip(clock, JSON_WITHIN_MS / 8)
    expect(await codeOf(await post(appReading(clock), slow))).toEqual([408, 'ERR_TIMED_OUT'])
  })
})
