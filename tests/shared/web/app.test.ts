import { TesseraError } from '@tessera/shared/errors'
import { type LogFields, silentLog } from '@tessera/shared/log'
import { createWebApp } from '@tessera/shared/web'
import { describe, expect, test } from 'vitest'

describe('createWebApp()', () => {
  test('an answer may load nothing from elsewhere, stands in no frame, and is kept by no cache', async () => {
    const app = createWebApp(silentLog)
    app.get('/page', (c) => c.text('a page'))
    const { headers } = await app.request('/page')
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('cache-control')).toBe('no-store')
  })

  test('HEAD lets go of a body that nobody will read', async () => {
    const app = createWebApp(silentLog)
    let isOpen = true
    app.get('/file', (c) =>
      c.body(new ReadableStream({ cancel: () => void (isOpen = false) }), 200, { 'Content-Length': '7' }),
    )
    const { status, headers } = await app.request('/file', { method: 'HEAD' })
    expect([status, headers.get('content-length'), isOpen]).toEqual([200, '7', false])
  })

  test('what has an own rule for caches keeps it', async () => {
    const app = createWebApp(silentLog)
    app.get('/file', (c) => c.body('x', 200, { 'Cache-Control': 'max-age=60' }))
    expect((await app.request('/file')).headers.get('cache-control')).toBe('max-age=60')
  })

  test('an unknown address is refused with a code, under the same headers', async () => {
    const response = await createWebApp(silentLog).request('/nowhere')
    expect(response.status).toBe(404)
    expect(await response.json()).toEqual({
      code: 'ERR_PAGE_UNKNOWN',
      message: 'address must be one of this server, got another',
    })
    expect(response.headers.get('x-frame-options')).toBe('DENY')
  })

  test('a refusal has code, sentence and a status by its code', async () => {
    const app = createWebApp(silentLog)
    app.get('/', () => {
      throw new TesseraError('ERR_STUDY_EXISTS', 'study must be new, got tiny that exists')
    })
    const response = await app.request('/')
    expect(response.status).toBe(409)
    expect(await response.json()).toEqual({
      code: 'ERR_STUDY_EXISTS',
      message: 'study must be new, got tiny that exists',
    })
  })

  test('what breaks inside is in the log, and not in the answer', async () => {
    const lines: [string, LogFields | undefined][] = []
    const app = createWebApp({ ...silentLog, error: (event, fields) => lines.push([event, fields]) })
    app.get('/', () => {
      throw new Error('no such file: /srv/secret')
    })
    const response = await app.request('/')
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('secret')
    expect(lines).toEqual([
      ['request.failed', { code: 'ERR_INTERNAL', reason: 'internal: no such file: /srv/secret' }],
    ])
  })
})
