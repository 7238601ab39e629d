import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { silentLog } from '@tessera/shared/log'
import {
  createKit,
  type EnrolmentKit,
  fingerprint,
  formatKit,
  generateKeyPair,
  signPayload,
  verifyKitProof,
  verifyPayload,
} from '@tessera/shared/security'
import { enroll } from '@tessera/site-agent'
import { describe, expect, test } from 'vitest'
import { loadPolicy, readPolicy } from '../../../site-agent/policy/index.ts'
import { loadSite } from '../../../site-agent/session/site-folder.ts'
import { verifyAudit } from '../../../site-agent/uplink/audit.ts'
import { type MiniCoordinator, miniCoordinator } from '../../support/mini-coordinator.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

async function setup(changes: Partial<EnrolmentKit> = {}) {
  const mini = await miniCoordinator()
  const folder = await temporaryFolder()
  const kit = {
    ...createKit({
      site: 'north',
      coordinatorUrl: mini.url,
      coordinatorKey: mini.keys.publicKey,
      expiresAtMs: Date.now() + 60_000,
    }),
    ...changes,
  }
  const kitFile = join(folder, 'north.kit.json')
  await writeFile(kitFile, formatKit(kit))
  const dir = join(folder, 'site')
  const options = { kitFile, dir, log: silentLog, clock: systemClock, signal: new AbortController().signal }
  return { mini, kit, dir, options }
}

const requestOf = async (mini: MiniCoordinator) => (await mini.heard('site:enroll')).request

describe('enroll()', () => {
  test('makes a key pair here, proves the kit without sending its secret, and pins the coordinator', async () => {
    const { mini, kit, dir, options } = await setup()
    const identity = await enroll(options)
    const token = await requestOf(mini)
    const request = await verifyPayload('enrolRequest', token, identity.publicKey)
    expect(request).toMatchObject({ kit: kit.kit, site: 'north', publicKey: identity.publicKey })
    expect(verifyKitProof(kit.secret, request, request.proof)).toBe(true)
    expect(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).not.toContain(kit.secret)
    const site = await loadSite(dir)
    expect(site).toMatchObject({
      site: 'north',
      coordinatorUrl: mini.url,
      coordinatorKey: mini.keys.publicKey,
    })
    expect(site.keys.publicKey).toBe(identity.publicKey)
    expect((await stat(join(dir, 'keys', 'site.jwk'))).mode & 0o777).toBe(0o600)
    expect(await verifyAudit(join(dir, 'audit.jsonl'))).toMatchObject({ unfinished: false })
    expect((await readdir(dir)).toSorted()).toEqual(['audit.jsonl', 'keys', 'policy.yaml', 'site.json'])
  })

  test('leaves a policy of the kit’s coordinator for a person to sign, or signs it when it is told to', async () => {
    const { kit, dir, options } = await setup()
    await enroll(options)
    const site = await loadSite(dir)
    await expect(loadPolicy(dir, site)).rejects.toMatchObject({ code: 'ERR_POLICY_UNSIGNED' })
    const { policy } = await readPolicy(dir, 'north')
    expect(policy.coordinators).toEqual([fingerprint(kit.coordinatorKey)])

    const demo = await setup()
    await enroll({ ...demo.options, acceptPolicy: true })
    await loadPolicy(demo.dir, await loadSite(demo.dir))
  })

  test('refuses a folder that is enrolled', async () => {
    const { options } = await setup()
    await enroll(options)
    await expect(enroll(options)).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: 'folder must not be enrolled yet, got site north',
    })
  })

  test('refuses a coordinator that signs with another key than the kit’s', async () => {
    const stranger = await generateKeyPair()
    const { dir, options } = await setup({ coordinatorKey: stranger.publicKey })
    await expect(enroll(options)).rejects.toMatchObject({ code: 'ERR_COORDINATOR_KEY' })
    expect(await readdir(dir)).not.toContain('site.json')
  })

  test('refuses a confirmation of another key', async () => {
    const { mini, options } = await setup()
    const other = await generateKeyPair()
    mini.answers['site:enroll'] = async () => ({
      confirmation: await signPayload(
        'enrolConfirmation',
        { protocol: 1, kit: 'k'.repeat(22), site: 'north', publicKey: other.publicKey, issuedAtMs: 1 },
        mini.keys.privateKey,
      ),
    })
    await expect(enroll(options)).rejects.toMatchObject({ code: 'ERR_MESSAGE_INVALID' })
  })

  test('says what the coordinator says against the kit, and enrols with the same key after a cut', async () => {
    const { mini, dir, options } = await setup()
    mini.answers['site:enroll'] = () => {
      throw new TesseraError('ERR_KIT_USED', 'kit must be unused, got a used one')
    }
    await expect(enroll(options)).rejects.toMatchObject({ code: 'ERR_KIT_USED' })
    const key = await readFile(join(dir, 'keys', 'site.jwk'), 'utf8')
    delete mini.answers['site:enroll']
    await enroll(options)
    expect(await readFile(join(dir, 'keys', 'site.jwk'), 'utf8')).toBe(key)
  })

  test.each([
    ['expired', async () => setup({ expiresAtMs: 1 }), 'ERR_KIT_EXPIRED'],
    [
      'not there',
      async () => {
        const given = await setup()
        return { ...given, options: { ...given.options, kitFile: '/no/such/kit' } }
      },
      'ERR_KIT_FILE',
    ],
    [
      'no kit',
      async () => {
        const given = await setup()
        await writeFile(given.options.kitFile, '{}')
        return given
      },
      'ERR_KIT_FILE',
    ],
  ])('refuses a kit that is %s, and sends nothing', async (_, make, code) => {
    const { mini, options } = await make()
    await expect(enroll(options)).rejects.toMatchObject({ code })
    expect(mini.said).toEqual([])
  })
})

describe('loadSite()', () => {
  test('refuses a folder that is not enrolled, changed, or has another key', async () => {
    await expect(loadSite(await temporaryFolder())).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
    const { dir, options } = await setup()
    await enroll(options)
    const text = await readFile(join(dir, 'site.json'), 'utf8')
    const other = await generateKeyPair()
    const changed = { ...JSON.parse(text), publicKey: other.publicKey }
    await writeFile(join(dir, 'site.json'), JSON.stringify(changed))
    await expect(loadSite(dir)).rejects.toMatchObject({ code: 'ERR_KEY_FILE' })
    await writeFile(join(dir, 'site.json'), '{}')
    await expect(loadSite(dir)).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
  })
})
