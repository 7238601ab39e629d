import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startCoordinator } from '@tessera/coordinator'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type FakeClock, fakeClock } from '../../support/fake-clock.ts'
import { freePort } from '../../support/free-port.ts'
import { type OidcProvider, startOidcProvider } from '../../support/oidc-provider.ts'
import { coordinatorFolder } from '../raw-site.ts'
import { browser } from './signed-in.ts'

afterEach(() => void vi.unstubAllEnvs())

async function running(): Promise<{ provider: OidcProvider; url: string; clock: FakeClock }> {
  const [dir, provider, clock] = [await coordinatorFolder(), await startOidcProvider(), fakeClock()]
  const file = join(dir, 'coordinator.json')
  // The provider has to know the address before the coordinator has it.
  const port = await freePort()
  const { issuer, clientId } = provider
  const roles = { operator: ['tessera-admins'], viewer: ['pathologists'] }
  const settings = {
    ...(JSON.parse(await readFile(file, 'utf8')) as object),
    url: `http://127.0.0.1:${port}`,
    dashboard: { oidc: { issuer, clientId, roleClaim: 'groups', roles } },
  }
  await writeFile(file, JSON.stringify(settings))
  vi.stubEnv('TESSERA_OIDC_SECRET', provider.secret)
  const coordinator = await startCoordinator({ dir, port, clock })
  onTestFinished(() => coordinator.close())
  return { provider, url: coordinator.url, clock }
}

/** Follows a redirect as a browser does: by hand, so that each step can be looked at. */
const step = (url: string, cookie = ''): Promise<Response> =>
  fetch(url, { redirect: 'manual', headers: cookie === '' ? {} : { cookie } })
const cookieOf = (response: Response): string => response.headers.get('set-cookie')?.split(';')[0] ?? ''
const locationOf = (response: Response): string => response.headers.get('location') ?? ''

/** To the provider and to the door of the way back, with the mark that the browser was given. */
async function wayBack(url: string): Promise<{ back: string; mark: string }> {
  const begun = await step(`${url}/dashboard/sign-in`)
  expect(begun.status).toBe(302)
  const there = await step(locationOf(begun))
  return { back: locationOf(there), mark: cookieOf(begun) }
}

describe("signing in with the consortium's accounts", () => {
  test.each([
    [['pathologists', 'others'], 'viewer'],
    ['tessera-admins', 'operator'],
    [['pathologists', 'tessera-admins'], 'operator'],
  ])('groups %j are a %s', async (groups, role) => {
    const { provider, url } = await running()
    expect((await browser(url).get('api/session')).body).toMatchObject({ oidc: true })
    provider.account = { groups, email: 'grace@example.org' }
    const { back, mark } = await wayBack(url)
    const ended = await step(back, mark)
    expect([ended.status, locationOf(ended)]).toEqual([302, '../'])
    const session = await browser(url, cookieOf(ended)).get('api/session')
    expect(session.body).toMatchObject({ role, name: 'grace@example.org' })
  })

  test('an account without a role is not let in', async () => {
    const { provider, url } = await running()
    provider.account = { groups: ['somebody else'] }
    const { back, mark } = await wayBack(url)
    const refused = await step(back, mark)
    expect([refused.status, (await refused.json()) as object]).toMatchObject([403, { code: 'ERR_ROLE' }])
    expect(refused.headers.get('set-cookie')).toBeNull()
  })

  test.each(['nonce', 'audience', 'key'] as const)(
    'a token with another %s is not believed',
    async (fault) => {
      const { provider, url } = await running()
      provider.account = { groups: 'tessera-admins' }
      provider.fault = fault
      const { back, mark } = await wayBack(url)
      expect(await (await step(back, mark)).json()).toMatchObject({ code: 'ERR_SIGN_IN' })
    },
  )

  test('the way back is for the browser that has begun, once, and not for long', async () => {
    const { provider, url, clock } = await running()
    provider.account = { groups: 'tessera-admins' }
    const first = await wayBack(url)
    // Somebody else's browser is sent here, to be signed in as the attacker.
    expect((await step(first.back)).status).toBe(401)
    expect((await step(first.back, first.mark)).status).toBe(401)
    const second = await wayBack(url)
    expect((await step(second.back, second.mark)).status).toBe(302)
    expect((await step(second.back, second.mark)).status).toBe(401)
    const third = await wayBack(url)
    clock.advance(10 * 60_000)
    expect((await step(third.back, third.mark)).status).toBe(401)
  })
})
