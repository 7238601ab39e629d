import { TesseraError } from '@tessera/shared/errors'
import { generateKeyPair, readUnverified, sha256Hex } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { TINY_STUDY } from '../../support/mini-coordinator.ts'
import { HASH } from '../../support/signed-parts.ts'
import { aborted, committed, delivered, receipts, record, run, setup, states } from './running-agent.ts'

describe('a round', () => {
  test('delivers the same bits again when a restored coordinator has forgotten its receipt', async () => {
    const { mini, site, training } = await setup()
    const agent = run(site, training)
    await mini.offer()
    await delivered(agent, 1)
    agent.stop()
    await agent.outcome.catch(() => undefined)
    const again = run(site, training)
    await mini.offer()
    await delivered(again, 1)
    expect(again.log.map(({ event }) => event)).toContain('receipt.forgotten')
    expect(mini.updates[1]?.bytes).toEqual(mini.updates[0]?.bytes)
    expect(mini.updates[1]?.token).not.toBe(mini.updates[0]?.token)
  })

  test('knows by its receipt that an offer which was said twice is answered', async () => {
    const { mini, site, training } = await setup()
    const agent = run(site, training)
    await mini.offer()
    await delivered(agent, 1)
    mini.answers['upload:open'] = () => {
      throw new TesseraError('ERR_UPDATE_DUPLICATE', 'as the test wants it')
    }
    await mini.offer()
    await expect.poll(() => agent.log.map(({ event }) => event)).toContain('offer.repeated')
    expect(training.rounds).toEqual([1])
    expect(await receipts(site)).toEqual(['round-1-attempt-1.json'])
  })

  test('delivers what an attempt has trained under the next attempt', async () => {
    const { mini, site, training } = await setup()
    const agent = run(site, training)
    training.during = () => mini.offer({ attempt: 2 })
    await mini.offer()
    await delivered(agent, 1)
    expect(mini.updates.map(({ manifest }) => manifest.attempt)).toEqual([2])
    expect(training.rounds).toEqual([1])
  })

  test.each([
    ['NaN', () => Number.NaN, 'ERR_TRAINING_DIVERGED'],
    ['a huge step', (x: number) => x + 1000, 'ERR_UPDATE_NORM'],
  ])('declines a round whose student is %s, and does the next', async (_, change, code) => {
    const { mini, site, training } = await setup()
    training.result = (student) => new Map([...student].map(([name, values]) => [name, values.map(change)]))
    const agent = run(site, training)
    await mini.offer()
    expect(await mini.heard('round:decline')).toEqual({ study: 'tiny', round: 1, code })
    expect(mini.said.map(({ event }) => event)).not.toContain('upload:open')
    delete training.result
    await mini.offer({ round: 2 })
    await delivered(agent, 1)
    expect(await states(site)).toEqual(['after-2.state'])
  })

  test('gives a round up that is published without it', async () => {
    const { mini, site, training } = await setup()
    const agent = run(site, training)
    training.during = async (round) => {
      if (round === 1) await mini.publish({ round: 1 })
    }
    await mini.offer()
    await expect.poll(() => agent.log.map(({ event }) => event)).toContain('round.missed')
    await mini.offer({ round: 2 })
    await delivered(agent, 1)
    expect(mini.updates.map(({ manifest }) => manifest.round)).toEqual([2])
  })

  test('is delivered when its record counts it before the receipt comes', async () => {
    const { mini, site } = await setup()
    const agent = run(site)
    mini.answers['upload:commit'] = () => new Promise(() => undefined)
    await mini.offer()
    await committed(mini)
    const { manifest: token } = await mini.heard('upload:open')
    const { payload, samples } = readUnverified('manifest', token)
    await mini.publish({
      round: 1,
      final: true,
      contributors: [
        { site: 'north', samples, payload, manifest: sha256Hex(token), staleness: 0, norm: 1, scale: 1 },
      ],
    })
    expect(await agent.outcome).toEqual({ rounds: 1, finished: true })
    expect(agent.events.map(({ kind }) => kind)).not.toContain('declined')
    expect(agent.log.map(({ event }) => event)).toContain('receipt.lost')
    expect(await states(site)).toEqual(['after-1.state'])
  })

  test('gives a round up at its deadline', async () => {
    const { mini, site, training } = await setup()
    const agent = run(site, training)
    training.during = (_round, signal) => aborted(signal)
    await mini.offer({ issuedAtMs: 1, deadlineMs: 51 })
    await expect
      .poll(() => agent.log.find(({ event }) => event === 'round.missed'))
      .toMatchObject({ code: 'ERR_ROUND_CLOSED' })
    expect(mini.said.map(({ event }) => event)).not.toContain('upload:open')
  })

  test('goes on after the coordinator refuses an update', async () => {
    const { mini, site } = await setup()
    mini.answers['upload:commit'] = () => {
      throw new TesseraError('ERR_UPDATE_SAMPLES', 'as the test wants it')
    }
    const agent = run(site)
    await mini.offer()
    await expect
      .poll(() => agent.events)
      .toContainEqual({ kind: 'declined', round: 1, code: 'ERR_UPDATE_SAMPLES' })
    delete mini.answers['upload:commit']
    await mini.offer({ round: 2 })
    await delivered(agent, 1)
  })

  test('refuses a forged receipt: the update does not count as delivered', async () => {
    const { mini, site } = await setup()
    const { signPayload } = await import('@tessera/shared/security')
    const stranger = await generateKeyPair()
    mini.answers['upload:commit'] = async () => ({
      receipt: await signPayload(
        'receipt',
        {
          study: 'tiny',
          site: 'north',
          round: 1,
          attempt: 1,
          payload: HASH('1'),
          manifest: HASH('2'),
          receivedAtMs: 1,
        },
        stranger.privateKey,
      ),
    })
    const agent = run(site)
    await mini.offer()
    await expect(agent.outcome).rejects.toMatchObject({ code: 'ERR_SIGNATURE_INVALID' })
    expect(await states(site)).toEqual(['held-1.state'])
  })
})

describe('a round in a study that takes late updates', () => {
  const late = {
    changes: {},
    plan: {
      study: { ...TINY_STUDY, federation: { ...TINY_STUDY.federation, late: { maxStaleness: 1 } } },
    },
  }

  test('delivers a round that has ended meanwhile, and skips the one that this counts in', async () => {
    const { mini, site, training } = await setup()
    mini.welcome = late
    const agent = run(site, training)
    training.during = async (round) => {
      if (round > 1) return
      await mini.publish({ round: 1 })
      await mini.offer({ round: 2 })
    }
    mini.countsIn = 2
    await mini.offer()
    await delivered(agent, 1)
    await expect.poll(() => agent.log.map(({ event }) => event)).toContain('offer.answered')
    delete mini.countsIn
    const [update] = mini.updates
    await mini.publish({
      round: 2,
      previous: sha256Hex(await record(site, 1)),
      contributors: [
        {
          site: 'north',
          samples: 12,
          staleness: 1,
          payload: update?.manifest.payload ?? '',
          manifest: sha256Hex(update?.token ?? ''),
          norm: 1,
          scale: 1,
        },
      ],
    })
    expect(agent.log.map(({ event }) => event)).not.toContain('record.disputed')
    await mini.offer({ round: 3 })
    await delivered(agent, 2)
    expect(mini.updates.map(({ manifest }) => manifest.round)).toEqual([1, 3])
    expect(training.rounds).toEqual([1, 3])
    expect((await states(site)).toSorted()).toEqual(['after-1.state', 'after-3.state'])
  })

  test('gives up what is too old to count', async () => {
    const { mini, site, training } = await setup()
    mini.welcome = late
    const agent = run(site, training)
    training.during = (round, signal) => (round === 1 ? aborted(signal) : undefined)
    await mini.offer()
    const first = await mini.publish({ round: 1 })
    await expect.poll(() => training.rounds).toEqual([1])
    expect(agent.log.map(({ event }) => event)).not.toContain('round.missed')
    await mini.publish({ round: 2, previous: sha256Hex(first) })
    await expect.poll(() => agent.log.map(({ event }) => event)).toContain('round.missed')
  })
})
