import { createConnection } from 'node:net'
import { initCoordinator, listSites, startCoordinator } from '@tessera/coordinator'
import { createLog } from '@tessera/shared/log'
import { LINK_LIFETIME_MS, SESSION_LIFETIME_MS } from '@tessera/shared/web'
import { describe, expect, onTestFinished, test } from 'vitest'
import { signInLink } from '../../../coordinator/dashboard/index.ts'
import { type FakeClock, fakeClock } from '../../support/fake-clock.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { coordinatorFolder } from '../raw-site.ts'
import { browser, signedIn } from './signed-in.ts'

async function running(): Promise<{ dir: string; url: string; clock: FakeClock }> {
  const [dir, clock] = [await coordinatorFolder(), fakeClock()]
  const coordinator = await startCoordinator({ dir, port: 0, clock })
  onTestFinished(() => coordinator.close())
  return { dir, url: coordinator.url, clock }
}
const ADA = { role: 'operator', name: 'ada' } as const
const secretOf = (link: string): string => link.split('=')[1] ?? ''

describe('signing in', () => {
  test('by a link gives a cookie that no script reads and no other site sends', async () => {
    const { dir, url, clock } = await running()
    const link = secretOf(await signInLink(dir, ADA, clock))
    const response = await fetch(`${url}/dashboard/api/session`, {
      method: 'POST',
      headers: { origin: url, 'content-type': 'application/json' },
      body: JSON.stringify({ link }),
    })
    const endsAtMs = clock.now() + SESSION_LIFETIME_MS
    expect(await response.json()).toEqual({ ...ADA, endsAtMs, oidc: false })
    expect(response.headers.get('set-cookie')).toMatch(
      /^tessera-coordinator-[0-9a-f]{8}=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/,
    )
    expect((await browser(url).get('api/session')).body).toMatchObject({ code: 'ERR_SIGN_IN', oidc: false })
  })

  test('a link works once, and not after its time', async () => {
    const { dir, url, clock } = await running()
    const link = secretOf(await signInLink(dir, ADA, clock))
    expect((await browser(url).post('api/session', { link })).status).toBe(200)
    const again = await browser(url).post('api/session', { link })
    expect([again.status, again.body.code]).toEqual([401, 'ERR_LINK_INVALID'])
    const old = secretOf(await signInLink(dir, ADA, clock))
    clock.advance(LINK_LIFETIME_MS)
    expect((await browser(url).post('api/session', { link: old })).status).toBe(401)
  })

  test('a link is used up by no GET: what looks at it on its way changes nothing', async () => {
    const { dir, url, clock } = await running()
    const link = await signInLink(dir, ADA, clock)
    // As a mail scanner opens it: what stands behind the # goes nowhere.
    await fetch(`${url}/${link}`)
    await fetch(`${url}/dashboard/api/session?link=${secretOf(link)}`)
    expect((await browser(url).post('api/session', { link: secretOf(link) })).status).toBe(200)
  })

  test('guessing is slowed down, for each address', async () => {
    const { url } = await running()
    const guess = { link: 'x'.repeat(43) }
    for (let i = 0; i < 10; i++) expect((await browser(url).post('api/session', guess)).status).toBe(401)
    const { status, body } = await browser(url).post('api/session', guess)
    expect([status, body.code]).toEqual([429, 'ERR_RATE_LIMIT'])
  })

  test('guessing keeps nobody out who has a link and the same address, and writes no more lines than tries that count', async () => {
    const [dir, clock] = [await coordinatorFolder(), fakeClock()]
    const refused: string[] = []
    const log = createLog((line) => void (line.includes('operator.refused') && refused.push(line)), clock)
    const coordinator = await startCoordinator({ dir, port: 0, clock, log })
    onTestFinished(() => coordinator.close())
    const { url } = coordinator
    const statuses = new Set<number>()
    for (let i = 0; i < 30; i++)
      statuses.add((await browser(url).post('api/session', { link: `${i}` })).status)
    expect([[...statuses], refused.length]).toEqual([[401, 429], 10])
    const link = secretOf(await signInLink(dir, ADA, clock))
    expect((await browser(url).post('api/session', { link })).status).toBe(200)
  })

  test('takes over no session that a browser brings along, and ends the one it had', async () => {
    const { dir, url, clock } = await running()
    const [name = ''] = (await signedIn({ dir, url, clock })).cookie.split('=')
    const planted = browser(url, `${name}=${'a'.repeat(43)}`)
    const link = secretOf(await signInLink(dir, ADA, clock))
    expect((await planted.post('api/session', { link })).status).toBe(200)
    expect((await planted.get('api/session')).status).toBe(401)
    const first = await signedIn({ dir, url, clock })
    const next = secretOf(await signInLink(dir, ADA, clock))
    await first.post('api/session', { link: next })
    expect((await first.get('api/session')).status).toBe(401)
  })

  test('holds over a restart, until it is ended', async () => {
    const [dir, clock] = [await coordinatorFolder(), fakeClock()]
    const first = await startCoordinator({ dir, port: 0, clock })
    const { cookie } = await signedIn({ dir, url: first.url, clock })
    await first.close()
    const next = await startCoordinator({ dir, port: 0, clock })
    onTestFinished(() => next.close())
    const there = browser(next.url, cookie)
    expect((await there.get('api/session')).body).toMatchObject(ADA)
    await there.post('api/session/end')
    expect((await there.get('api/session')).body.code).toBe('ERR_SIGN_IN')
  })
})

describe('behind a proxy that ends TLS', () => {
  test('the cookie is sent over TLS only, and the page may be under the proxy’s name while the proxy hands on another', async () => {
    const [dir, clock] = [await temporaryFolder(), fakeClock()]
    await initCoordinator({ dir, port: 0, behindProxy: true, url: 'https://fl.example.org/tessera' })
    const coordinator = await startCoordinator({ dir, port: 0, clock })
    onTestFinished(() => coordinator.close())
    const link = secretOf(await signInLink(dir, ADA, clock))
    const response = await fetch(`${coordinator.url}/dashboard/api/session`, {
      method: 'POST',
      headers: { origin: 'https://fl.example.org', 'content-type': 'application/json' },
      body: JSON.stringify({ link }),
    })
    expect(response.status).toBe(200)
    expect(response.headers.get('set-cookie')).toMatch(
      /^__Host-tessera-.*; HttpOnly; Secure; SameSite=Strict$/,
    )
  })

  test('guesses are counted for the address that the proxy names', async () => {
    const [dir, clock] = [await temporaryFolder(), fakeClock()]
    await initCoordinator({ dir, port: 0, behindProxy: true, url: 'https://fl.example.org' })
    const coordinator = await startCoordinator({ dir, port: 0, clock })
    onTestFinished(() => coordinator.close())
    const guess = async (address: string): Promise<number> => {
      const there = browser(coordinator.url)
      return (await there.post('api/session', { link: 'x' }, { 'x-forwarded-for': `1.1.1.1, ${address}` }))
        .status
    }
    for (let i = 0; i < 10; i++) expect(await guess('10.0.0.1')).toBe(401)
    expect([await guess('10.0.0.1'), await guess('10.0.0.2')]).toEqual([429, 401])
  })
})

describe('without a session', () => {
  test.each(['api/study-schema', 'api/studies/tiny', 'api/studies/tiny/history', 'api/studies/tiny/judging'])(
    '%s shows nothing',
    async (path) => {
      const { status, body } = await browser((await running()).url).get(path)
      expect([status, body.code]).toEqual([401, 'ERR_SIGN_IN'])
    },
  )

  test.each(['api/studies', 'api/studies/tiny/pause', 'api/sites/west/invite', 'api/uploads'])(
    '%s does nothing',
    async (path) => {
      const { status, body } = await browser((await running()).url).post(path)
      expect([status, body.code]).toEqual([401, 'ERR_SIGN_IN'])
    },
  )
})

describe('a viewer', () => {
  test('sees everything and changes nothing', async () => {
    const coordinator = await running()
    const viewer = await signedIn(coordinator, 'viewer')
    expect((await viewer.get('api/studies/tiny')).body).toMatchObject({ id: 'tiny' })
    for (const path of [
      'api/studies',
      'api/studies/tiny/pause',
      'api/studies/tiny/close-round',
      'api/studies/tiny/export',
      'api/studies/tiny/verify',
      'api/sites/west/invite',
      'api/sites/west/approve',
      'api/sites/west/revoke',
      'api/uploads',
    ]) {
      const { status, body } = await viewer.post(path, {})
      expect([path, status, body.code]).toEqual([path, 403, 'ERR_ROLE'])
    }
  })
})

describe('a person who reads', () => {
  test('a thousand times a minute is not answered', async () => {
    const coordinator = await running()
    const viewer = await signedIn(coordinator, 'viewer')
    const statuses: number[] = []
    for (let i = 0; i < 121; i++) statuses.push((await viewer.get('api/studies/none/history')).status)
    expect([statuses[119], statuses[120]]).toEqual([404, 429])
  })
})

describe('an act', () => {
  test('whose body comes after its person has signed out is not done', async () => {
    const { dir, url, clock } = await running()
    const operator = await signedIn({ dir, url, clock })
    const parts = new TransformStream<Uint8Array, Uint8Array>()
    const body = parts.writable.getWriter()
    const answer = fetch(`${url}/dashboard/api/sites/west/invite`, {
      method: 'POST',
      headers: { origin: url, 'content-type': 'application/json', cookie: operator.cookie },
      body: parts.readable,
      duplex: 'half',
    } as RequestInit)
    await body.write(Buffer.from('{'))
    await operator.post('api/session/end')
    await body.write(Buffer.from('}'))
    await body.close()
    const { status } = await answer
    expect([status, await listSites({ dir, clock })]).toEqual([401, []])
  })

  test('is done by POST only', async () => {
    const coordinator = await running()
    const operator = await signedIn(coordinator)
    expect((await operator.get('api/studies/tiny/pause')).status).toBe(404)
    expect((await operator.get('api/sites/west/invite')).status).toBe(404)
  })

  test.each([{ origin: 'https://evil.example' }, { origin: 'null' }, { 'content-type': 'text/plain' }])(
    'is not done for another page: %j',
    async (headers) => {
      const coordinator = await running()
      const operator = await signedIn(coordinator)
      const { status, body } = await operator.post('api/studies/tiny/pause', {}, headers)
      expect([status, body.code]).toEqual([403, 'ERR_ORIGIN'])
    },
  )

  test('is not done under another name: DNS rebinding', async () => {
    const { url } = await running()
    const { port } = new URL(url)
    const socket = createConnection(Number(port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.write('GET /dashboard/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n')
    let text = ''
    for await (const part of socket) text += String(part)
    expect(text).toContain('ERR_ORIGIN')
  })

  test('a thousand times a minute is not done', async () => {
    const coordinator = await running()
    const operator = await signedIn(coordinator)
    const statuses: number[] = []
    for (let i = 0; i < 31; i++) statuses.push((await operator.post('api/studies/no name!/pause')).status)
    expect(statuses.slice(29)).toEqual([400, 429])
  })
})
