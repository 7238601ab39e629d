import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeDelta, l2Norm } from '@tessera/shared/delta'
import { TesseraError } from '@tessera/shared/errors'
import { packMissing } from '@tessera/shared/transfer'
import { describe, expect, test } from 'vitest'
import { approve, leave, pause, rejoin, resume } from '../../../site-agent/policy/index.ts'
import { TINY_LAYOUT } from '../../support/mini-coordinator.ts'
import { aborted, committed, delivered, policyOf, run, setup } from './running-agent.ts'

describe('an agent under its policy', () => {
  test('refuses a study whose statistics may not leave', async () => {
    const { mini, site } = await setup()
    await policyOf(site, mini, { statisticsMayLeave: false })
    await expect(run(site).outcome).rejects.toMatchObject({ code: 'ERR_POLICY_STUDY' })
    expect(mini.said.map(({ event }) => event)).toEqual(['key:fetch', 'session:join'])
  })

  test('sends nothing, not even a join, as long as the policy is not signed as it stands', async () => {
    const { mini, site } = await setup()
    await appendFile(join(site.dir, 'policy.yaml'), '\n# changed\n')
    await expect(run(site).outcome).rejects.toMatchObject({ code: 'ERR_POLICY_UNSIGNED' })
    expect(mini.said).toEqual([])
  })

  test('names the policy in its manifest, and withholds what the policy withholds', async () => {
    const { mini, site } = await setup()
    const hash = await policyOf(site, mini, { smallestSampleCount: 10 })
    const agent = run(site)
    await mini.offer()
    await delivered(agent, 1)
    // Of 12 answers 6 were right; steps of 4 tiles tell no loss.
    expect(mini.updates[0]?.manifest).toMatchObject({
      policyHash: hash,
      samples: 12,
      metrics: { loss: 0.5, correct: null, seen: 12 },
    })
    const losses = mini.said.flatMap(({ event, request }) =>
      event === 'round:progress' ? [(request as { loss: unknown }).loss] : [],
    )
    expect(losses.length).toBeGreaterThan(0)
    expect(new Set(losses)).toEqual(new Set([null]))
  })

  test('declines and ends with fewer tiles than the policy lets it report', async () => {
    const { mini, site } = await setup()
    await policyOf(site, mini, { smallestSampleCount: 13 })
    const agent = run(site)
    await mini.offer()
    await expect(agent.outcome).rejects.toMatchObject({ code: 'ERR_POLICY_SAMPLES' })
    expect(await mini.heard('round:decline')).toMatchObject({ code: 'ERR_POLICY_SAMPLES' })
  })

  test('clips its delta to the policy’s norm', async () => {
    const { mini, site } = await setup()
    await policyOf(site, mini, { normClip: 0.01 })
    const agent = run(site)
    await mini.offer()
    await delivered(agent, 1)
    const sent = decodeDelta(TINY_LAYOUT, mini.updates[0]?.bytes ?? new Uint8Array())
    expect(l2Norm(TINY_LAYOUT, sent)).toBeCloseTo(0.01, 8)
  })

  test('declines a round that is too large for the policy, and every further one', async () => {
    const { mini, site, training } = await setup()
    await policyOf(site, mini, { largestUpload: { roundBytes: 1000, dayBytes: 1000 } })
    run(site, training)
    await mini.offer()
    expect(await mini.heard('round:decline')).toMatchObject({ round: 1, code: 'ERR_POLICY_LIMIT' })
    await mini.offer({ round: 2 })
    expect(await mini.heard('round:decline', 2)).toMatchObject({ round: 2, code: 'ERR_POLICY_LIMIT' })
    expect(training.rounds).toEqual([])
  })

  test('a pause in the middle of an upload stops the next chunk, and its end lets the upload go on', async () => {
    const { mini, site, training } = await setup()
    const agent = run(site, training)
    const [tokens, got] = [new Set<string>(), new Set<number>()]
    mini.answers['upload:open'] = ({ manifest }) => {
      tokens.add(manifest)
      const missing = [0, 1].filter((index) => !got.has(index))
      return { upload: 'one', missing: packMissing(missing, 2), window: 1 }
    }
    mini.answers['upload:chunk'] = async ({ index }) => {
      if (got.size === 0) await pause(site.dir, 1)
      got.add(index)
      return { window: 1 }
    }
    await mini.offer()
    await expect
      .poll(() => agent.events.find(({ kind }) => kind === 'waiting'))
      .toMatchObject({ round: 1, code: 'ERR_POLICY_PAUSED' })
    expect(mini.said.filter(({ event }) => event === 'upload:chunk')).toHaveLength(1)
    mini.answers['upload:commit'] = () => {
      throw new TesseraError('ERR_UPDATE_SAMPLES', 'far enough')
    }
    await resume(site.dir)
    await mini.heard('upload:commit')
    expect(mini.said.filter(({ event }) => event === 'upload:chunk')).toHaveLength(2)
    // Of one manifest, so that no chunk goes twice.
    expect(tokens.size).toBe(1)
    expect(mini.said.filter(({ event }) => event === 'upload:open')).toHaveLength(2)
    expect(training.rounds).toEqual([1])
  })

  test('a pause outlives a restart: the agent joins, and sends nothing until it is over', async () => {
    const { mini, site, training } = await setup()
    await pause(site.dir, 1)
    const agent = run(site, training)
    await mini.offer()
    await expect
      .poll(() => agent.events.find(({ kind }) => kind === 'waiting'))
      .toMatchObject({ round: 1, code: 'ERR_POLICY_PAUSED' })
    expect(new Set(mini.said.map(({ event }) => event))).toEqual(new Set(['key:fetch', 'session:join']))
    await resume(site.dir)
    await delivered(agent, 1)
    expect(training.rounds).toEqual([1])
  })

  test('a policy that became stricter since a round was trained holds for that round’s delta too', async () => {
    const { mini, site, training } = await setup()
    mini.answers['upload:commit'] = () => new Promise(() => undefined)
    const first = run(site, training)
    await mini.offer()
    await committed(mini)
    first.stop()
    await first.outcome.catch(() => undefined)
    delete mini.answers['upload:commit']

    const hash = await policyOf(site, mini, { normClip: 0.01, smallestSampleCount: 10 })
    const second = run(site, training)
    await mini.offer()
    await delivered(second, 1)
    const update = mini.updates.at(-1)
    expect(l2Norm(TINY_LAYOUT, decodeDelta(TINY_LAYOUT, update?.bytes ?? new Uint8Array()))).toBeCloseTo(
      0.01,
      8,
    )
    expect(update?.manifest).toMatchObject({ policyHash: hash, metrics: { correct: null } })
    expect(training.rounds).toEqual([1, 1])
  })

  test('waits with a trained round until a person approves it', async () => {
    const { mini, site, training } = await setup()
    await policyOf(site, mini, { approval: 'each-round' })
    const agent = run(site, training)
    await mini.offer()
    await expect
      .poll(() => agent.events.find(({ kind }) => kind === 'waiting'))
      .toMatchObject({ round: 1, code: 'ERR_POLICY_APPROVAL' })
    expect(training.rounds).toEqual([1])
    expect(mini.said.map(({ event }) => event)).not.toContain('upload:open')
    await approve(site.dir, 'tiny', 1, 1)
    await delivered(agent, 1)
    expect(training.rounds).toEqual([1])
  })

  test('gives a round up at its deadline that nobody approved', async () => {
    const { mini, site } = await setup()
    await policyOf(site, mini, { approval: 'each-round' })
    const agent = run(site)
    await mini.offer({ issuedAtMs: 1, deadlineMs: 2000 })
    await expect
      .poll(() => agent.log.find(({ event }) => event === 'round.missed'))
      .toMatchObject({ code: 'ERR_ROUND_CLOSED' })
    expect(mini.said.map(({ event }) => event)).not.toContain('upload:open')
  })

  test('goes by a policy that is signed while it runs from the next round on, and names it', async () => {
    const { mini, site, training } = await setup()
    const agent = run(site, training)
    let hash = ''
    training.during = async (round) => {
      if (round === 1) hash = await policyOf(site, mini, { normClip: 0.01 })
    }
    await mini.offer()
    await delivered(agent, 1)
    await mini.publish({})
    await mini.offer({ round: 2 })
    await delivered(agent, 2)
    const [first, second] = mini.updates
    const norm = (bytes: Uint8Array = new Uint8Array()) =>
      l2Norm(TINY_LAYOUT, decodeDelta(TINY_LAYOUT, bytes))
    expect(norm(first?.bytes)).toBeGreaterThan(0.02)
    expect(norm(second?.bytes)).toBeCloseTo(0.01, 8)
    expect(first?.manifest.policyHash).not.toBe(hash)
    expect(second?.manifest.policyHash).toBe(hash)
    expect(agent.events.filter(({ kind }) => kind === 'policy')).toHaveLength(2)
  })

  test('keeps to the signed policy while another text waits for its signature', async () => {
    const { mini, site } = await setup()
    const agent = run(site)
    await mini.joined()
    await appendFile(join(site.dir, 'policy.yaml'), '\n# changed\n')
    await mini.offer()
    await delivered(agent, 1)
    expect(agent.log.find(({ event }) => event === 'policy.ignored')).toMatchObject({
      code: 'ERR_POLICY_UNSIGNED',
    })
  })

  test('declines and ends when a policy that is signed meanwhile refuses the study', async () => {
    const { mini, site, training } = await setup()
    const agent = run(site, training)
    await mini.joined()
    await policyOf(site, mini, { studies: ['another'] })
    await mini.offer()
    await expect(agent.outcome).rejects.toMatchObject({ code: 'ERR_POLICY_STUDY' })
    expect(await mini.heard('round:decline')).toMatchObject({ round: 1, code: 'ERR_POLICY_STUDY' })
    expect(training.rounds).toEqual([])
  })

  test('tells anew by a stricter policy what it has trained, when the round is offered again', async () => {
    const { mini, site, training } = await setup()
    mini.answers['upload:commit'] = () => {
      throw new TesseraError('ERR_UPDATE_SAMPLES', 'once more')
    }
    const agent = run(site, training)
    await mini.offer()
    await expect.poll(() => agent.log.map(({ event }) => event)).toContain('round.missed')
    delete mini.answers['upload:commit']
    const hash = await policyOf(site, mini, { smallestSampleCount: 10 })
    await mini.offer({ attempt: 2 })
    await delivered(agent, 1)
    expect(mini.updates.at(-1)?.manifest).toMatchObject({ policyHash: hash, metrics: { correct: null } })
    expect(training.rounds).toEqual([1])
  })

  test('counts what has left by the days of a new time zone', async () => {
    const { mini, site } = await setup()
    const agent = run(site)
    await mini.offer()
    await delivered(agent, 1)
    await mini.publish({})
    await policyOf(site, mini, { timeZone: 'Pacific/Kiritimati', roundsPerDay: 1 })
    await mini.offer({ round: 2 })
    expect(await mini.heard('round:decline')).toMatchObject({ round: 2, code: 'ERR_POLICY_LIMIT' })
  })

  test('leaves a study in the middle of a round: says that the round goes on without it, and ends', async () => {
    const { mini, site, training } = await setup()
    const agent = run(site, training)
    training.during = (_round, signal) => aborted(signal)
    await mini.offer()
    await expect.poll(() => training.rounds).toEqual([1])
    await leave(site.dir, 'tiny', 1)
    expect(await agent.outcome).toEqual({ rounds: 0, finished: false })
    expect(await mini.heard('round:decline')).toMatchObject({ round: 1, code: 'ERR_POLICY_LEFT' })
    expect(mini.said.map(({ event }) => event)).not.toContain('upload:open')
    expect(agent.events.map(({ kind }) => kind)).toContain('left')

    await expect(run(site).outcome).rejects.toMatchObject({ code: 'ERR_POLICY_LEFT' })
    await rejoin(site.dir, 'tiny')
    const second = run(site)
    await mini.offer()
    await delivered(second, 1)
  })

  test('leaves a study while the coordinator is not there', async () => {
    const { site } = await setup()
    const agent = run(site, undefined, { coordinatorUrl: 'http://127.0.0.1:9' })
    await expect.poll(() => agent.events.map(({ kind }) => kind)).toContain('unreached')
    await leave(site.dir, 'tiny', 1)
    expect(await agent.outcome).toEqual({ rounds: 0, finished: false })
  })
})
