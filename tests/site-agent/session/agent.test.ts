import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { computeDelta, decodeDelta } from '@tessera/shared/delta'
import { generateKeyPair } from '@tessera/shared/security'
import { listChunks, listHash } from '@tessera/shared/transfer'
import { describe, expect, test } from 'vitest'
import { type AuditEntry, verifyAudit } from '../../../site-agent/uplink/audit.ts'
import { TINY_LAYOUT, TINY_STUDENT } from '../../support/mini-coordinator.ts'
import { aborted, committed, delivered, receipts, run, setup, states } from './running-agent.ts'

describe('runAgent()', () => {
  test('trains what it is offered, delivers the signed delta, and ends with the study', async () => {
    const { mini, site, training } = await setup()
    const agent = run(site, training)
    await mini.offer()
    await delivered(agent, 1)
    const [update] = mini.updates
    const want = computeDelta(
      TINY_LAYOUT,
      new Map([...TINY_STUDENT].map(([name, values]) => [name, values.map((x) => x + 0.001)])),
      TINY_STUDENT,
    )
    expect(decodeDelta(TINY_LAYOUT, update?.bytes ?? new Uint8Array())).toEqual(want)
    expect(update?.manifest).toMatchObject({
      site: 'north',
      round: 1,
      base: mini.base,
      samples: 12,
      payload: listHash(listChunks(update?.bytes ?? new Uint8Array())),
      metrics: { loss: 0.5, correct: 6 },
    })
    expect(await receipts(site)).toEqual(['round-1-attempt-1.json'])
    expect(await states(site)).toEqual(['after-1.state'])
    await mini.publish({ final: true })
    expect(await agent.outcome).toEqual({ rounds: 1, finished: true })
    expect(agent.events.map(({ kind }) => kind)).toEqual([
      'policy',
      'joined',
      'data',
      'fetching',
      'fetching',
      'training',
      'training',
      'trained',
      'uploading',
      'uploading',
      'delivered',
      'published',
    ])
  })

  test('ends at once when the study is finished already', async () => {
    const { mini, site, training } = await setup()
    mini.welcome = { changes: { phase: 'finished' } }
    expect(await run(site, training).outcome).toEqual({ rounds: 0, finished: true })
  })

  test('writes an audit line for every message the coordinator gets', async () => {
    const { mini, site } = await setup()
    const agent = run(site)
    await mini.offer()
    await committed(mini)
    await delivered(agent, 1)
    await mini.publish({ final: true })
    await agent.outcome
    const entries: AuditEntry[] = []
    await verifyAudit(join(site.dir, 'audit.jsonl'), (entry) => entries.push(entry))
    const kinds = entries.map(({ kind }) => kind).filter((kind) => kind.includes(':'))
    expect(kinds.toSorted()).toEqual(mini.said.map(({ event }) => event as string).toSorted())
    expect(entries[0]?.kind).toBe('connect')
  })

  test.each(['ERR_SITE_REVOKED', 'ERR_PROTOCOL_VERSION'])(
    'ends when it is refused for good with %s',
    async (code) => {
      const { mini, site } = await setup()
      const agent = run(site)
      await mini.joined()
      mini.refuse(code)
      await expect(agent.outcome).rejects.toMatchObject({ code })
    },
  )

  test('ends cleanly when a snapshot says that the study is cancelled, and not for one of another connection', async () => {
    const { mini, site, training } = await setup()
    const agent = run(site, training)
    training.during = (_round, signal) => aborted(signal)
    await mini.offer()
    await expect.poll(() => training.rounds).toEqual([1])
    await expect(mini.snapshot({ phase: 'cancelled', nonce: 'x'.repeat(22) })).rejects.toMatchObject({
      code: 'ERR_MESSAGE_INVALID',
    })
    await expect(mini.snapshot({ phase: 'cancelled' }, await generateKeyPair())).rejects.toMatchObject({
      code: 'ERR_COORDINATOR_KEY',
    })
    await mini.snapshot({ phase: 'cancelled' })
    expect(await agent.outcome).toEqual({ rounds: 0, finished: false })
    expect(agent.events.at(-1)).toEqual({ kind: 'declined', round: 1, code: 'ERR_ROUND_CLOSED' })
    expect(mini.said.map(({ event }) => event)).not.toContain('upload:open')
  })

  test('declines the round it is offered and ends when its tiles cannot be used', async () => {
    const { mini, site } = await setup()
    await rm(join(site.dataDir, 'tumor'), { recursive: true })
    const agent = run(site)
    await mini.offer()
    await expect(agent.outcome).rejects.toMatchObject({ code: 'ERR_DATA_CLASSES' })
    expect(await mini.heard('round:decline')).toMatchObject({ round: 1, code: 'ERR_DATA_CLASSES' })
  })

  test('lets one agent at a time use a folder', async () => {
    const { mini, site } = await setup()
    run(site)
    await mini.joined()
    await expect(run(site).outcome).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' })
  })

  test('stops when it is told to, even while the coordinator is not there', async () => {
    const { site } = await setup()
    const agent = run(site, undefined, { coordinatorUrl: 'http://127.0.0.1:9' })
    await expect.poll(() => agent.log.map(({ event }) => event)).toContain('coordinator.waiting')
    agent.stop()
    await expect(agent.outcome).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
    expect(agent.log[0]).toMatchObject({
      code: 'ERR_COORDINATOR_UNREACHABLE',
      reason: 'coordinator must answer at http://127.0.0.1:9, got ECONNREFUSED',
    })
  })
})
