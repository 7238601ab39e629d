import { silentLog } from '@tessera/shared/log'
import { createWebApp, ownPagesOnly } from '@tessera/shared/web'
import { describe, expect, test } from 'vitest'

const app = createWebApp(silentLog)
app.use(
  ownPagesOnly({
    names: new Set(['fl.example.org', 'fl.lan']),
    hosts: new Set(['fl.example.org', 'fl.lan']),
    secure: false,
  }),
)
app.all('/', (c) => c.text('in'))

const ask = async (method: string, headers: Record<string, string>): Promise<number> =>
  (await app.request('/', { method, headers })).status
const JSON_TYPE = { 'content-type': 'application/json' }

describe('ownPagesOnly()', () => {
  test.each([
    'fl.example.org',
    'fl.example.org:443',
    'localhost:7433',
    '127.0.0.1:7433',
    '[::1]:7433',
    '10.0.0.7:7433',
  ])('is asked under %s', async (host) => expect(await ask('GET', { host })).toBe(200))

  test.each(['evil.example', 'fl.example.org.evil.example', 'localhost.evil.example', '', 'a b'])(
    'is not asked under %j, wherever that name leads: DNS rebinding',
    async (host) => expect(await ask('GET', { host })).toBe(403),
  )

  test.each([
    ['http://localhost:7433', 'localhost:7433'],
    ['https://fl.example.org', 'fl.example.org'],
    // A proxy in front that hands on another name.
    ['https://fl.example.org', '127.0.0.1:7433'],
  ])('a page of %s may change something at %s', async (origin, host) => {
    expect(await ask('POST', { origin, host, ...JSON_TYPE })).toBe(200)
  })

  test.each([
    ['https://evil.example', 'fl.example.org'],
    // Another program on the same machine.
    ['http://localhost:8080', 'localhost:7433'],
    // And behind the same name.
    ['https://fl.example.org:3000', 'fl.example.org'],
    ['https://fl.example.org:3000', '127.0.0.1:7433'],
    ['null', 'localhost:7433'],
    ['', 'localhost:7433'],
  ])('a page of %j may not, at %s', async (origin, host) => {
    expect(await ask('POST', { origin, host, ...JSON_TYPE })).toBe(403)
  })

  test.each([
    ['https://fl.example.org', 200],
    ['http://fl.example.org', 403],
    ['http://localhost:7433', 200],
  ])('where pages come over TLS only, one of %s gets %i', async (origin, status) => {
    const own = { names: new Set<string>(), hosts: new Set<string>(), secure: true }
    const secured = createWebApp(silentLog)
    secured.use(ownPagesOnly({ ...own, names: new Set(['fl.example.org']) }))
    secured.post('/', (c) => c.text('in'))
    const headers = { origin, host: new URL(origin).host, ...JSON_TYPE }
    expect((await secured.request('/', { method: 'POST', headers })).status).toBe(status)
  })

  test('what says no origin changes nothing', async () => {
    expect(await ask('POST', { host: 'localhost:7433', ...JSON_TYPE })).toBe(403)
  })

  test.each(['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain', ''])(
    'a body of type %j changes nothing: a form of another page can send it',
    async (type) => {
      const own = { origin: 'http://localhost:7433', host: 'localhost:7433' }
      expect(await ask('POST', { ...own, 'content-type': type })).toBe(403)
    },
  )
})
