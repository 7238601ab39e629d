import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { silentLog } from '@tessera/shared/log'
import { generateKeyPair } from '@tessera/shared/security'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readAddress } from '../../../site-agent/dashboard/address.ts'
import { type Dashboard, openDashboard } from '../../../site-agent/dashboard/open.ts'
import { loadSite } from '../../../site-agent/session/site-folder.ts'
import { enrolledSite } from '../../support/enrolled-site.ts'

async function opened(
  host: '127.0.0.1' | '::1' = '127.0.0.1',
  port = 0,
): Promise<Dashboard & { dir: string }> {
  const { dir } = await enrolledSite('http://127.0.0.1:9', await generateKeyPair())
  const site = await loadSite(dir)
  const page = join(dir, 'page')
  await mkdir(page)
  await writeFile(join(page, 'index.html'), '<p>the page</p>')
  const dashboard = await openDashboard({
    dir,
    site,
    study: 'tiny',
    coordinatorUrl: site.coordinatorUrl,
    version: '0.1.0',
    engine: 'wasm',
    listen: { host, port },
    page: async () => page,
    checkTiles: () => Promise.reject(new Error('not asked for')),
    clock: systemClock,
    log: silentLog,
  })
  onTestFinished(() => dashboard.close())
  return { ...dashboard, dir }
}

describe('openDashboard()', () => {
  test.each(['127.0.0.1', '::1'] as const)(
    'serves its page on %s, and tells where it is until it is closed',
    async (host) => {
      const dashboard = await opened(host)
      const { url, dir } = dashboard
      expect(new URL(url).hostname).toBe(host === '::1' ? '[::1]' : host)
      const reply = await fetch(url)
      expect(await reply.text()).toBe('<p>the page</p>')
      expect(reply.headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(await readAddress(dir)).toBe(url)
      await dashboard.close()
      await expect(fetch(url)).rejects.toThrow('fetch failed')
      expect(await readAddress(dir)).toBeNull()
    },
  )

  test('gives a link that signs in', async () => {
    const { url, link } = await opened()
    const reply = await fetch(new URL('api/session', url), {
      method: 'POST',
      headers: { origin: new URL(url).origin, 'content-type': 'application/json' },
      body: JSON.stringify({ link: link.slice(`${url}#sign-in=`.length) }),
    })
    expect(reply.status).toBe(200)
  })

  test.each([
    '/dashboard/../../site.json',
    '/dashboard/%2e%2e/%2e%2e/site.json',
    '/dashboard/..%2fsite.json',
    '//etc/passwd',
  ])('has nothing at %s', async (path) => {
    const { url } = await opened()
    const reply = await fetch(`${new URL(url).origin}${path}`)
    expect([path, reply.status]).toEqual([path, 404])
  })

  test('says that the port is taken', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void other.close())
    const { port } = other.address() as AddressInfo
    await expect(opened('127.0.0.1', port)).rejects.toMatchObject({
      code: 'ERR_DASHBOARD_PORT',
      message: `dashboard must be able to listen on port ${port} of 127.0.0.1, got EADDRINUSE`,
    })
  })

  test('closes while somebody watches', async () => {
    const dashboard = await opened()
    const { url, link } = dashboard
    const signedIn = await fetch(new URL('api/session', url), {
      method: 'POST',
      headers: { origin: new URL(url).origin, 'content-type': 'application/json' },
      body: JSON.stringify({ link: link.slice(`${url}#sign-in=`.length) }),
    })
    const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? ''
    const live = await fetch(new URL('api/live', url), { headers: { cookie } })
    const reader = live.body?.getReader()
    await reader?.read()
    await dashboard.close()
    await expect(
      (async () => {
        for (;;) if ((await reader?.read())?.done) throw new Error('ended')
      })(),
    ).rejects.toThrow()
  })
})
