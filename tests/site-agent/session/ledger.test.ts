import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPair, sha256Hex } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { HASH } from '../../support/signed-parts.ts'
import { committed, delivered, run, setup, states } from './running-agent.ts'

describe('the records that an agent keeps', () => {
  test('fetches the records that it has missed, and takes part in the next round', async () => {
    const { mini, site } = await setup()
    const first = await mini.record({ round: 1 })
    const second = await mini.record({ round: 2, previous: sha256Hex(first) })
    mini.records.set(1, first).set(2, second)
    mini.welcome = { changes: { round: 2 } }
    const agent = run(site)
    await mini.offer({ round: 3 })
    await delivered(agent, 1)
    const folder = join(site.dir, 'state', 'tiny', 'ledger')
    expect((await readdir(folder)).toSorted()).toEqual(['round-1.jws', 'round-2.jws'])
    expect(agent.events.filter(({ kind }) => kind === 'published')).toHaveLength(2)
  })

  test('fetches what lies between its last record and one that it is sent', async () => {
    const { mini, site } = await setup()
    const first = await mini.record({ round: 1 })
    const second = await mini.record({ round: 2, previous: sha256Hex(first), final: true })
    mini.records.set(1, first).set(2, second)
    const agent = run(site)
    await mini.joined()
    await mini.publish({ round: 2, previous: sha256Hex(first), final: true })
    expect((await agent.outcome).finished).toBe(true)
  })

  test('ends when a record that it fetches does not follow', async () => {
    const { mini, site } = await setup()
    mini.records.set(1, await mini.record({ round: 1, previous: HASH('9') }))
    mini.welcome = { changes: { round: 1 } }
    await expect(run(site).outcome).rejects.toMatchObject({ code: 'ERR_LEDGER_BROKEN' })
  })

  test('refuses records that are forged or do not follow', async () => {
    const { mini, site } = await setup()
    run(site)
    await expect(mini.publish({ round: 1 }, await generateKeyPair())).rejects.toMatchObject({
      code: 'ERR_SIGNATURE_INVALID',
    })
    await expect(mini.publish({ round: 1, previous: HASH('1') })).rejects.toMatchObject({
      code: 'ERR_LEDGER_BROKEN',
    })
    const first = await mini.publish({ round: 1 })
    await expect(mini.publish({ round: 2, previous: HASH('1') })).rejects.toMatchObject({
      code: 'ERR_LEDGER_BROKEN',
    })
    await mini.publish({ round: 2, previous: sha256Hex(first) })
    expect(await readFile(join(site.dir, 'state', 'tiny', 'ledger', 'round-1.jws'), 'utf8')).toBe(first)
  })

  test('knows from the record that an update counted whose receipt was lost', async () => {
    const { mini, site, training } = await setup()
    mini.answers['upload:commit'] = () => new Promise(() => undefined)
    const agent = run(site, training)
    await mini.offer()
    await committed(mini)
    const manifest = (await mini.heard('upload:open')).manifest
    const { payload } = JSON.parse(Buffer.from(manifest.split('.')[1] ?? '', 'base64url').toString())
    await mini.publish({
      contributors: [
        {
          site: 'north',
          samples: 12,
          staleness: 0,
          payload,
          manifest: sha256Hex(manifest),
          norm: 1,
          scale: 1,
        },
      ],
    })
    expect(await states(site)).toEqual(['after-1.state'])
    expect(agent.log.map(({ event }) => event)).not.toContain('record.disputed')
  })

  test('disputes a record that counts an update it never sent', async () => {
    const { mini, site } = await setup()
    const agent = run(site)
    await mini.joined()
    await expect.poll(() => agent.events.map(({ kind }) => kind)).toContain('data')
    await mini.publish({
      contributors: [
        {
          site: 'north',
          samples: 1,
          staleness: 0,
          payload: HASH('1'),
          manifest: HASH('2'),
          norm: 1,
          scale: 1,
        },
      ],
    })
    expect(agent.log.map(({ event }) => event)).toContain('record.disputed')
  })

  test('disputes such a record also when it was published while the site was away', async () => {
    const { mini, site } = await setup()
    const strange = { site: 'north', samples: 1, payload: HASH('1'), manifest: HASH('2') }
    mini.records.set(
      1,
      await mini.record({ contributors: [{ ...strange, staleness: 0, norm: 1, scale: 1 }] }),
    )
    mini.welcome = { changes: { round: 1 } }
    const agent = run(site)
    await expect.poll(() => agent.log.map(({ event }) => event)).toContain('record.disputed')
  })
})
