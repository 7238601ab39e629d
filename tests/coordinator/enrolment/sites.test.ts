import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { approve, invite, listSites, revoke, withdraw } from '@tessera/coordinator'
import { PROTOCOL_VERSION, type Signed } from '@tessera/shared/protocol'
import {
  fingerprint,
  generateKeyPair,
  type KeyPair,
  signPayload,
  verifyPayload,
} from '@tessera/shared/security'
import { listChunks } from '@tessera/shared/transfer'
import { describe, expect, test } from 'vitest'
import { federation, wholeRound } from '../federation.ts'
import { ask, codeOf, connect, deltaOf, enrol, joined, started } from '../raw-site.ts'

/** A running federation to which site west has been invited and has enrolled, without approval. */
async function withPending() {
  const run = await federation()
  const { dir, url, clock } = run
  const { kit } = await invite({ dir, site: 'west', clock })
  const west = await generateKeyPair()
  await enrol((await connect(url)).socket, kit, west)
  const joinWest = (pair = west) => joined(url, run.key, 'west', pair)
  const stateOf = async (site: string) =>
    (await listSites({ dir, clock })).find((entry) => entry.site === site)
  return { ...run, west, joinWest, stateOf }
}

describe('an enrolled site', () => {
  test('is pending, with its fingerprint, and may not join before it is approved', async () => {
    const { dir, clock, west, joinWest, stateOf } = await withPending()
    expect(await stateOf('west')).toMatchObject({
      state: 'pending',
      fingerprint: fingerprint(west.publicKey),
    })
    await expect(joinWest()).rejects.toMatchObject({
      code: 'ERR_SITE_PENDING',
      message: `site must be approved by the operator, got west pending: tell the operator its fingerprint ${fingerprint(west.publicKey)}`,
    })
    await approve({ dir, site: 'west', clock })
    expect((await joinWest()).welcome.site).toBe('west')
    expect(await stateOf('west')).toMatchObject({ state: 'enrolled' })
  })

  test('is approved by the fingerprint it has, however it is written, and by no other', async () => {
    const { dir, clock, west, stateOf } = await withPending()
    const print = fingerprint(west.publicKey)
    const other = `${print.startsWith('0') ? '1' : '0'}${print.slice(1)}`
    const wrong = approve({ dir, site: 'west', fingerprint: other, clock })
    expect(await codeOf(wrong)).toBe('ERR_FINGERPRINT')
    expect(await stateOf('west')).toMatchObject({ state: 'pending' })
    const spoken = print.replaceAll(' ', '').toUpperCase()
    expect(await approve({ dir, site: 'west', fingerprint: spoken, clock })).toBe(print)
  })

  test('is pending again with another key: an approval is of a key, not of a name', async () => {
    const { dir, url, clock, joinWest } = await withPending()
    await approve({ dir, site: 'west', clock })
    const { kit } = await invite({ dir, site: 'west', clock })
    const other = await generateKeyPair()
    await enrol((await connect(url)).socket, kit, other)
    expect(await codeOf(joinWest(other))).toBe('ERR_SITE_PENDING')
    expect(await codeOf(joinWest())).toBe('ERR_SITE_KEY')
  })

  test('loses the session of its old key when it enrols anew', async () => {
    const { dir, url, clock, north } = await federation()
    const { kit } = await invite({ dir, site: 'north', clock, autoApprove: true })
    await enrol((await connect(url)).socket, kit, await generateKeyPair())
    expect(await north.refused).toMatchObject({ code: 'ERR_SITE_KEY' })
  })

  test('cannot be approved when it is unknown or revoked', async () => {
    const { dir, clock, coordinator } = await federation()
    expect(await codeOf(approve({ dir, site: 'west', clock }))).toBe('ERR_SITE_UNKNOWN')
    await coordinator.close()
    await revoke({ dir, site: 'north', clock })
    expect(await codeOf(approve({ dir, site: 'north', clock }))).toBe('ERR_SITE_REVOKED')
  })
})

describe('withdraw()', () => {
  test('makes an unused kit void, forgets its secret, and leaves the site in', async () => {
    const { dir, url, clock, north, south } = await federation()
    const { kit } = await invite({ dir, site: 'north', clock })
    // Commands are obeyed in the order of their times.
    clock.advance(1)
    await withdraw({ dir, site: 'north', clock })
    expect(await codeOf(enrol((await connect(url)).socket, kit, await generateKeyPair()))).toBe(
      'ERR_KIT_EXPIRED',
    )
    expect(await readdir(join(dir, 'keys', 'kits'))).toEqual([])
    await wholeRound([north, south], [0, 0])
    expect((await north.published()).contributors).toHaveLength(2)
    expect(await codeOf(withdraw({ dir, site: 'nobody', clock }))).toBe('ERR_SITE_UNKNOWN')
  })
})

describe('site:rotate', () => {
  type Change = Signed<'siteKeyChange'>
  const rotation = async (
    from: KeyPair,
    to: KeyPair,
    coordinator: string,
    changes: { request?: Partial<Change>; proof?: Partial<Change>; signers?: [KeyPair, KeyPair] } = {},
  ) => {
    const base: Change = {
      protocol: PROTOCOL_VERSION,
      site: 'north',
      from: from.publicKey,
      to: to.publicKey,
      coordinator,
      issuedAtMs: 1,
    }
    const [signer, prover] = changes.signers ?? [from, to]
    return {
      request: await signPayload('siteKeyChange', { ...base, ...changes.request }, signer.privateKey),
      proof: await signPayload(
        'siteKeyChange',
        { ...base, ...changes.request, ...changes.proof },
        prover.privateKey,
      ),
    }
  }

  test('replaces the key: the old session ends, the old key is refused, the new one delivers in the same round', async () => {
    const { url, key, keys, north, south } = await federation()
    const next = await generateKeyPair()
    const { socket } = await connect(url)
    const request = await rotation(keys.north, next, key)
    const { confirmation } = await ask(socket, 'site:rotate', request)
    expect(await verifyPayload('siteKeyConfirmation', confirmation, key)).toMatchObject({
      site: 'north',
      publicKey: next.publicKey,
    })
    expect(await north.refused).toMatchObject({ code: 'ERR_SITE_KEY' })
    expect(await codeOf(joined(url, key, 'north', keys.north))).toBe('ERR_SITE_KEY')
    expect(await codeOf(joined(url, key, 'north', keys.south))).toBe('ERR_SIGNATURE_INVALID')
    const again = await joined(url, key, 'north', next)
    await wholeRound([again, south], [0.01, 0.02])
    expect((await again.published()).contributors.map(({ site }) => site)).toEqual(['north', 'south'])
  })

  test('an update that the old key announced does not count under the new one', async () => {
    const { url, key, keys, north } = await federation()
    const bytes = deltaOf(0.01)
    const manifest = await north.manifest(await north.offer(), bytes)
    const chunks = listChunks(bytes).digests
    await ask(north.socket, 'upload:open', { manifest, chunks })
    const next = await generateKeyPair()
    await ask((await connect(url)).socket, 'site:rotate', await rotation(keys.north, next, key))
    await north.closed
    const again = await joined(url, key, 'north', next)
    expect(await codeOf(ask(again.socket, 'upload:open', { manifest, chunks }))).toBe('ERR_SIGNATURE_INVALID')
    await again.deliver(await again.manifest(await again.offer(), bytes), bytes)
  })

  test('says the same again to a site whose reply was lost, also after the coordinator has been restarted', async () => {
    const { dir, url, key, keys, coordinator } = await federation()
    const next = await generateKeyPair()
    const request = await rotation(keys.north, next, key)
    const { socket } = await connect(url)
    await ask(socket, 'site:rotate', request)
    await ask(socket, 'site:rotate', request)
    await coordinator.close()
    const second = await started(dir)
    await ask((await connect(second.coordinator.url)).socket, 'site:rotate', request)
    expect((await listSites({ dir }))[0]).toMatchObject({ state: 'enrolled', former: 1 })
    await joined(second.coordinator.url, key, 'north', next)
  })

  test('a site that is revoked stays out, whatever key it brings', async () => {
    const { dir, url, key, keys, clock, north, south } = await federation()
    const next = await generateKeyPair()
    await ask((await connect(url)).socket, 'site:rotate', await rotation(keys.north, next, key))
    await north.closed
    await revoke({ dir, site: 'north', clock })
    expect(await codeOf(joined(url, key, 'north', next))).toBe('ERR_SITE_REVOKED')
    const third = await rotation(next, await generateKeyPair(), key)
    expect(await codeOf(ask((await connect(url)).socket, 'site:rotate', third))).toBe('ERR_SITE_REVOKED')
    await wholeRound([south], [0.02])
    expect((await south.published()).absent).toEqual([{ site: 'north', code: 'ERR_SITE_REVOKED' }])
  })

  test('refuses what is not signed by both keys, of another protocol, site, coordinator, or an older key', async () => {
    const { url, key, keys } = await federation()
    const [next, other] = [await generateKeyPair(), await generateKeyPair()]
    const { socket } = await connect(url)
    const refusal = async (changes: Parameters<typeof rotation>[3], from = keys.north, to = next) =>
      codeOf(ask(socket, 'site:rotate', await rotation(from, to, key, changes)))
    expect(await refusal({ signers: [other, next] })).toBe('ERR_SIGNATURE_INVALID')
    expect(await refusal({ signers: [keys.north, other] })).toBe('ERR_SIGNATURE_INVALID')
    expect(await refusal({ proof: { issuedAtMs: 2 } })).toBe('ERR_SIGNATURE_INVALID')
    expect(await refusal({ request: { protocol: 99 } })).toBe('ERR_PROTOCOL_VERSION')
    expect(await refusal({ request: { site: 'nobody' } })).toBe('ERR_SITE_UNKNOWN')
    expect(await refusal({ request: { site: 'south' } })).toBe('ERR_SITE_KEY')
    expect(await refusal({ request: { coordinator: other.publicKey } })).toBe('ERR_COORDINATOR_KEY')
    await ask(socket, 'site:rotate', await rotation(keys.north, next, key))
    expect(await refusal({}, keys.north, other)).toBe('ERR_SITE_KEY')
    expect(await refusal({}, next, keys.north)).toBe('ERR_SITE_KEY')
  })
})
