import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { PROTOCOL_VERSION } from '@tessera/shared/protocol'
import { generateKeyPair, sha256Hex } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { TINY_STUDY } from '../../support/mini-coordinator.ts'
import { HASH } from '../../support/signed-parts.ts'
import { aborted, delivered, joins, run, setup } from './running-agent.ts'

describe('an agent that joins, or is offered a round,', () => {
  test.each([
    ['signed with another key', {}, 'ERR_SIGNATURE_INVALID'],
    ['for another site', { site: 'south' }, 'ERR_SITE_UNKNOWN'],
    ['of another study', { study: 'other' }, 'ERR_STUDY_UNKNOWN'],
    ['of another layout', { layoutHash: HASH('f') }, 'ERR_LAYOUT_MISMATCH'],
    ['of another plan', { plan: HASH('f') }, 'ERR_PLAN_CHANGED'],
  ])('refuses an offer %s and trains nothing', async (_, changes, code) => {
    const { mini, site, training } = await setup()
    const agent = run(site, training)
    const key = code === 'ERR_SIGNATURE_INVALID' ? await generateKeyPair() : undefined
    await expect(mini.offer(changes, key)).rejects.toMatchObject({ code })
    expect(agent.log).toContainEqual(expect.objectContaining({ event: 'offer.refused', code }))
    await mini.offer()
    await delivered(agent, 1)
    expect(training.rounds).toEqual([1])
  })

  test('refuses an offer of a round that is published', async () => {
    const { mini, site, training } = await setup()
    run(site, training)
    await mini.publish({ round: 1 })
    await expect(mini.offer({ round: 1 })).rejects.toMatchObject({ code: 'ERR_ROUND_CLOSED' })
  })

  test.each([
    ['signed with another key', {}, {}, 'ERR_COORDINATOR_KEY'],
    ['for another challenge', { nonce: 'x'.repeat(22) }, {}, 'ERR_MESSAGE_INVALID'],
    ['to another plan than the one that comes with it', { plan: HASH('f') }, {}, 'ERR_MESSAGE_INVALID'],
    ['to a plan with another layout hash', {}, { layoutHash: HASH('f') }, 'ERR_LAYOUT_MISMATCH'],
    ['to a plan of another study', {}, { study: { ...TINY_STUDY, id: 'other' } }, 'ERR_MESSAGE_INVALID'],
    ['to a plan of a later protocol', {}, { protocol: PROTOCOL_VERSION + 1 }, 'ERR_PROTOCOL_VERSION'],
  ])('ends when the welcome is %s', async (_, changes, plan, code) => {
    const { mini, site, training } = await setup()
    const key = code === 'ERR_COORDINATOR_KEY' ? { key: await generateKeyPair() } : {}
    mini.welcome = { changes, plan, ...key }
    await expect(run(site, training).outcome).rejects.toMatchObject({ code })
    expect(mini.said.map(({ event }) => event)).toEqual(['key:fetch', 'session:join'])
  })

  test.each([
    ['the study', { study: { ...TINY_STUDY, seed: 'other' } }],
    ['the initial student', { student: HASH('e') }],
  ])('ends when the plan changes %s while it runs', async (_, plan) => {
    const { mini, site } = await setup()
    const agent = run(site)
    await mini.joined()
    mini.welcome = { changes: {}, plan }
    mini.cut()
    await expect(agent.outcome).rejects.toMatchObject({ code: 'ERR_PLAN_CHANGED' })
  })

  test('refuses another plan in its next life too', async () => {
    const { mini, site } = await setup()
    const first = run(site)
    await expect.poll(() => first.events.map(({ kind }) => kind)).toContain('joined')
    first.stop()
    await expect(first.outcome).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
    mini.welcome = { changes: {}, plan: { createdAtMs: 2 } }
    await expect(run(site).outcome).rejects.toMatchObject({ code: 'ERR_PLAN_CHANGED' })
  })

  test('refuses a coordinator that speaks an older protocol than it did before', async () => {
    const { site } = await setup()
    const file = join(site.dir, 'site.json')
    const identity = JSON.parse(await readFile(file, 'utf8')) as object
    await writeFile(file, JSON.stringify({ ...identity, protocol: PROTOCOL_VERSION + 1 }))
    await expect(run(site).outcome).rejects.toMatchObject({ code: 'ERR_PROTOCOL_VERSION' })
  })

  test('says in each join where it is: the same agent, its latest record, the round at work', async () => {
    const { mini, site, training } = await setup()
    const agent = run(site, training)
    await expect.poll(() => agent.events.map(({ kind }) => kind)).toContain('data')
    const record = await mini.publish({ round: 1 })
    training.during = async () => {
      mini.cut()
      await mini.joined()
    }
    await mini.offer({ round: 2 })
    await delivered(agent, 1)
    const [first, second] = joins(mini)
    expect(first).toMatchObject({ ledger: null, work: null })
    expect(second).toMatchObject({
      instance: first?.instance,
      ledger: { round: 1, record: sha256Hex(record) },
      work: { round: 2, attempt: 1, state: 'training' },
    })
    expect(training.rounds).toEqual([2])
    agent.stop()
    await agent.outcome.catch(() => undefined)
    run(site, training)
    await mini.heard('session:join', 3)
    expect(joins(mini)[2]?.instance).not.toBe(first?.instance)
    expect(joins(mini)[2]).toMatchObject({ ledger: { round: 1 }, work: null })
  })

  test('takes the offer in the welcome, and gives up what is at work for a round that is over by then', async () => {
    const { mini, site, training } = await setup()
    const agent = run(site, training)
    training.during = (round, signal) => (round === 1 ? aborted(signal) : undefined)
    await mini.offer()
    await expect.poll(() => training.rounds).toEqual([1])
    mini.records.set(1, await mini.record({ round: 1 }))
    mini.welcome = { changes: { round: 1, offer: await mini.signedOffer({ round: 2 }) } }
    mini.cut()
    await delivered(agent, 1)
    expect(mini.updates.map(({ manifest }) => manifest.round)).toEqual([2])
    expect(agent.log.map(({ event }) => event)).toContain('round.missed')
  })

  test('waits while another agent of its site is there, with one line that says what to do', async () => {
    const { mini, site } = await setup()
    let refusals = 0
    mini.answers['session:join'] = () => {
      if (++refusals === 2) delete mini.answers['session:join']
      throw new TesseraError('ERR_SITE_BUSY', 'stop one of the two')
    }
    const agent = run(site)
    await expect.poll(() => agent.events.map(({ kind }) => kind)).toContain('joined')
    await mini.offer()
    await delivered(agent, 1)
    expect(agent.log.filter(({ event }) => event === 'coordinator.waiting')).toMatchObject([
      { code: 'ERR_SITE_BUSY', reason: 'stop one of the two' },
    ])
  })

  test('shows its record to a coordinator that lacks it, and waits until a newer backup is restored', async () => {
    const { mini, site } = await setup()
    const agent = run(site)
    await expect.poll(() => agent.events.map(({ kind }) => kind)).toContain('data')
    const record = await mini.publish({ round: 1 })
    mini.welcome = { changes: { round: 0, prove: true } }
    mini.cut()
    expect(await mini.heard('ledger:show')).toEqual({ record })
    await expect
      .poll(() => agent.log.at(-1))
      .toMatchObject({ event: 'coordinator.waiting', code: 'ERR_LEDGER_BEHIND' })
    mini.welcome = { changes: {} }
    await mini.offer({ round: 2 })
    await delivered(agent, 1)
  })

  test.each([
    ['whose published rounds are fewer than this site has seen', { round: 0 }],
    ['of a study that is halted', { round: 1, phase: 'halted' as const }],
  ])('takes no part in a session %s', async (_, changes) => {
    const { mini, site } = await setup()
    const agent = run(site)
    await expect.poll(() => agent.events.map(({ kind }) => kind)).toContain('data')
    await mini.publish({ round: 1 })
    mini.welcome = { changes }
    mini.cut()
    await expect.poll(() => agent.log.at(-1)).toMatchObject({ code: 'ERR_LEDGER_BEHIND' })
    expect(mini.said.map(({ event }) => event)).not.toContain('ledger:show')
  })

  test('refuses an offer that would fork its ledger: of the next round, from another student', async () => {
    const { mini, site, training } = await setup()
    const agent = run(site, training)
    await mini.publish({ round: 1 })
    await expect(mini.offer({ round: 2, base: HASH('f') })).rejects.toMatchObject({
      code: 'ERR_LEDGER_BROKEN',
    })
    // Of a round after that it cannot know: it may have missed a record.
    await mini.offer({ round: 3 })
    await delivered(agent, 1)
    expect(training.rounds).toEqual([3])
  })
})
