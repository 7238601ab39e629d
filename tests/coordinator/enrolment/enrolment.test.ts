import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { initCoordinator, invite, revoke } from '@tessera/coordinator'
import { checkEnrolment, EMPTY_REGISTRY, evolveRegistry, readKitSecret } from '@tessera/coordinator/enrolment'
import { readEvents } from '@tessera/coordinator/store'
import { PROTOCOL_VERSION } from '@tessera/shared/protocol'
import { generateKeyPair, kitProof, parseKit, signPayload } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { codeOf } from '../raw-site.ts'

const KIT = 'k'.repeat(22)
const OLDER = 'o'.repeat(22)
const SECRET = 's'.repeat(42).concat('A')
const issued = (kit: string, atMs: number) =>
  ({ type: 'kit.issued', kit, site: 'north', expiresAtMs: 1000, atMs }) as const
const enrolledAs = (publicKey: string, kit = KIT) =>
  ({ type: 'site.enrolled', kit, site: 'north', publicKey, atMs: 5 }) as const
const A_KEY = 'a'.repeat(43)

describe('evolveRegistry()', () => {
  test('a site is known once it has used its kit', () => {
    const invited = evolveRegistry(EMPTY_REGISTRY, issued(KIT, 0))
    expect(invited.sites.size).toBe(0)
    const registry = evolveRegistry(invited, enrolledAs(A_KEY))
    expect(registry.sites.get('north')).toEqual({
      site: 'north',
      publicKey: A_KEY,
      revoked: false,
      approved: false,
      formerKeys: [],
    })
    expect(registry.kits.get(KIT)?.usedBy).toBe(A_KEY)
  })

  test("a new kit ends the site's older ones, and a revocation ends all", () => {
    const two = [issued(OLDER, 0), issued(KIT, 7)].reduce(evolveRegistry, EMPTY_REGISTRY)
    expect(two.kits.get(OLDER)?.expiresAtMs).toBe(7)
    expect(two.kits.get(KIT)?.expiresAtMs).toBe(1000)
    const none = evolveRegistry(two, { type: 'site.revoked', site: 'north', atMs: 9 })
    expect(none.kits.get(KIT)?.expiresAtMs).toBe(9)
  })

  test('a revoked site that enrols with a new kit is back, with its new key', () => {
    const revoked = [issued(OLDER, 0), enrolledAs(A_KEY, OLDER)].reduce(evolveRegistry, EMPTY_REGISTRY)
    const out = evolveRegistry(revoked, { type: 'site.revoked', site: 'north', atMs: 6 })
    expect(out.sites.get('north')?.revoked).toBe(true)
    const back = [issued(KIT, 7), enrolledAs('b'.repeat(43))].reduce(evolveRegistry, out)
    expect(back.sites.get('north')).toMatchObject({ publicKey: 'b'.repeat(43), revoked: false })
  })

  test('the same command twice changes nothing', () => {
    const once = [issued(KIT, 0), enrolledAs(A_KEY)].reduce(evolveRegistry, EMPTY_REGISTRY)
    expect(evolveRegistry(once, issued(KIT, 0))).toEqual(once)
  })
})

describe('checkEnrolment()', () => {
  const ask = async (changes: { site?: string; secret?: string; kit?: string; protocol?: number } = {}) => {
    const pair = await generateKeyPair()
    const { site = 'north', secret = SECRET, kit = KIT, protocol = PROTOCOL_VERSION } = changes
    const claim = { kit, site, publicKey: pair.publicKey }
    const payload = { protocol, ...claim, proof: kitProof(secret, claim), issuedAtMs: 1 }
    return { pair, token: await signPayload('enrolRequest', payload, pair.privateKey) }
  }
  const registry = evolveRegistry(EMPTY_REGISTRY, issued(KIT, 0))
  const check = (token: string, nowMs = 10, at = registry) =>
    checkEnrolment(token, at, async () => SECRET, nowMs)

  test('a fresh kit with the right proof passes', async () => {
    const { token, pair } = await ask()
    expect(await check(token)).toMatchObject({ known: false, request: { publicKey: pair.publicKey } })
  })

  test.each([
    ['another protocol', { protocol: 99 }, 'ERR_PROTOCOL_VERSION'],
    ['an unknown kit', { kit: 'x'.repeat(22) }, 'ERR_KIT_UNKNOWN'],
    ["another site's name", { site: 'south' }, 'ERR_KIT_PROOF'],
    ['another secret', { secret: 'A'.repeat(43) }, 'ERR_KIT_PROOF'],
  ])('%s', async (_, changes, code) => {
    expect(await codeOf(check((await ask(changes)).token))).toBe(code)
  })

  test('an old kit is ERR_KIT_EXPIRED, a used one ERR_KIT_USED, except for the key that used it', async () => {
    const { token, pair } = await ask()
    expect(await codeOf(check(token, 1000))).toBe('ERR_KIT_EXPIRED')
    const used = evolveRegistry(registry, enrolledAs(pair.publicKey))
    expect(await check(token, 1000, used)).toMatchObject({ known: true })
    expect(await codeOf(check((await ask()).token, 10, used))).toBe('ERR_KIT_USED')
  })

  test('a key that the site has replaced cannot use its kit again', async () => {
    const { token, pair } = await ask()
    const replaced = [enrolledAs(pair.publicKey), issued(OLDER, 6), enrolledAs(A_KEY, OLDER)]
    expect(await codeOf(check(token, 10, replaced.reduce(evolveRegistry, registry)))).toBe('ERR_KIT_USED')
  })

  test('a request that somebody else signed is ERR_SIGNATURE_INVALID', async () => {
    const [mine, theirs] = [await ask(), await ask()]
    const [header, payload] = mine.token.split('.')
    const signature = theirs.token.split('.')[2]
    expect(await codeOf(check([header, payload, signature].join('.')))).toBe('ERR_SIGNATURE_INVALID')
  })
})

describe('invite() and revoke()', () => {
  const madeDir = async (): Promise<string> => {
    const dir = await temporaryFolder()
    await initCoordinator({ dir, url: 'https://fl.example.org' })
    return dir
  }

  test('the kit is a file for its owner only; its secret is nowhere in the log', async () => {
    const dir = await madeDir()
    const { file, kit } = await invite({ dir, site: 'north' })
    expect(parseKit(await readFile(file, 'utf8'))).toEqual(kit)
    expect(kit).toMatchObject({ site: 'north', coordinatorUrl: 'https://fl.example.org' })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readKitSecret(dir, kit.kit)).toBe(kit.secret)
    expect(JSON.stringify(await readEvents(dir))).toContain(kit.kit)
    expect((await readFile(join(dir, 'events.db'))).includes(kit.secret)).toBe(false)
  })

  test('a name that is no name is ERR_USAGE, a site nobody knows ERR_SITE_UNKNOWN', async () => {
    const dir = await madeDir()
    expect(await codeOf(invite({ dir, site: '../north' }))).toBe('ERR_USAGE')
    expect(await codeOf(revoke({ dir, site: 'north' }))).toBe('ERR_SITE_UNKNOWN')
  })

  test('an invitation can be taken back', async () => {
    const dir = await madeDir()
    await invite({ dir, site: 'north' })
    await revoke({ dir, site: 'north' })
    expect((await readEvents(dir)).map(({ type }) => type)).toEqual(['kit.issued', 'site.revoked'])
  })

  test('a folder without a coordinator is ERR_CONFIG_INVALID', async () => {
    expect(await codeOf(invite({ dir: await temporaryFolder(), site: 'north' }))).toBe('ERR_CONFIG_INVALID')
  })
})
