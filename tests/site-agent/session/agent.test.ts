import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { computeDelta, decodeDelta, deltaBytes, l2Norm } from '@tessera/shared/delta'
import { TesseraError } from '@tessera/shared/errors'
import { createLog } from '@tessera/shared/log'
import { backboneLayout, encodeSafetensors, initialWeights } from '@tessera/shared/model'
import { PROTOCOL_VERSION, study as studySchema } from '@tessera/shared/protocol'
import { generateKeyPair, readUnverified, sha256Hex } from '@tessera/shared/security'
import { chunkOf, packMissing } from '@tessera/shared/transfer'
import { type AgentEvent, type AgentOutcome, runAgent } from '@tessera/site-agent'
import { describe, expect, onTestFinished, test } from 'vitest'
import { approve, type Policy, pause, resume } from '../../../site-agent/policy/index.ts'
import { type AuditEntry, verifyAudit } from '../../../site-agent/uplink/audit.ts'
import {
  additiveTrainer,
  type EnrolledSite,
  enrolledSite,
  type TrainingLog,
} from '../../support/enrolled-site.ts'
import {
  type MiniCoordinator,
  miniCoordinator,
  TINY_LAYOUT,
  TINY_STUDENT,
  TINY_STUDY,
} from '../../support/mini-coordinator.ts'
import { HASH } from '../../support/signed-parts.ts'
import { writePolicy } from '../../support/site-policy.ts'

interface Run {
  readonly outcome: Promise<AgentOutcome>
  readonly events: AgentEvent[]
  readonly log: { event: string; code?: string }[]
  stop(): void
}

/** Runs the agent of a site; it is stopped when the test ends. */
function run(site: EnrolledSite, training: TrainingLog = { rounds: [] }, more = {}): Run {
  const stop = new AbortController()
  const events: AgentEvent[] = []
  const log: { event: string; code?: string }[] = []
  const outcome = runAgent({
    dir: site.dir,
    dataDir: site.dataDir,
    study: 'tiny',
    signal: stop.signal,
    log: createLog((line) => log.push(JSON.parse(line)), systemClock),
    clock: systemClock,
    onProgress: (event) => events.push(event),
    createTrainer: additiveTrainer(training),
    ...more,
  })
  outcome.catch(() => undefined)
  onTestFinished(async () => {
    stop.abort()
    await outcome.catch(() => undefined)
  })
  return { outcome, events, log, stop: () => stop.abort() }
}

async function setup(): Promise<{
  mini: MiniCoordinator
  site: EnrolledSite
  training: { rounds: number[] } & TrainingLog
}> {
  const mini = await miniCoordinator()
  return { mini, site: await enrolledSite(mini.url, mini.keys), training: { rounds: [] } }
}

const committed = (mini: MiniCoordinator, count = 1) => mini.heard('upload:commit', count)
const receipts = (site: EnrolledSite) => readdir(join(site.dir, 'receipts', 'tiny'))
const states = async (site: EnrolledSite) =>
  (await readdir(join(site.dir, 'state', 'tiny'))).filter((name) => name.endsWith('.state'))
const delivered = (agent: Run, count: number) =>
  expect.poll(() => agent.events.filter(({ kind }) => kind === 'delivered').length).toBe(count)

/** Gives the site another policy; its hash. */
const policyOf = (site: EnrolledSite, mini: MiniCoordinator, rules: Partial<Policy>) =>
  writePolicy(site.dir, { site: 'north', keys: site.keys, coordinator: mini.keys.publicKey }, rules)
const record = (site: EnrolledSite, round: number) =>
  readFile(join(site.dir, 'state', 'tiny', 'ledger', `round-${round}.jws`), 'utf8')
const joins = (mini: MiniCoordinator) =>
  mini.said.flatMap(({ event, request }) =>
    event === 'session:join' ? [readUnverified('joinToken', (request as { token: string }).token)] : [],
  )

const aborted = (signal: AbortSignal | undefined) =>
  new Promise<void>((resolve) => {
    // On a busy machine the deadline may have passed before the training began.
    if (signal?.aborted) resolve()
    signal?.addEventListener('abort', () => resolve())
  })

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
      payload: sha256Hex(update?.bytes ?? ''),
      metrics: { loss: 0.5, correct: 6 },
    })
    expect(await receipts(site)).toEqual(['round-1-attempt-1.json'])
    expect(await states(site)).toEqual(['after-1.state'])
    await mini.publish({ final: true })
    expect(await agent.outcome).toEqual({ rounds: 1, finished: true })
    expect(agent.events.map(({ kind }) => kind)).toEqual([
      'joined',
      'data',
      'fetching',
      'fetching',
      'training',
      'training',
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

  test('fetches a model with a wrong hash twice, declines the round, and does the next', async () => {
    const { mini, site, training } = await setup()
    const [honest = new Uint8Array()] = mini.models.values()
    mini.models.set(
      mini.base,
      honest.map((byte, i) => (i === 1000 ? byte ^ 1 : byte)),
    )
    const agent = run(site, training)
    await mini.offer()
    expect(await mini.heard('round:decline')).toEqual({ study: 'tiny', round: 1, code: 'ERR_MODEL_HASH' })
    expect(mini.said.filter(({ event }) => event === 'model:open')).toHaveLength(2)
    expect(mini.said.filter(({ event }) => event === 'model:chunk')).toHaveLength(4)
    mini.models.set(mini.base, honest)
    await mini.offer({ round: 2 })
    await delivered(agent, 1)
    expect(training.rounds).toEqual([2])
  })

  test('goes on with a download and an upload where a cut ended them', async () => {
    const { mini, site } = await setup()
    const agent = run(site)
    let cuts = 0
    mini.answers['model:chunk'] = async ({ sha256, index }) => {
      // The second chunk is cut off once the first is there.
      if (index > 0 && cuts++ === 0) {
        await expect.poll(() => agent.events.map(({ kind }) => kind)).toContain('fetching')
        mini.cut()
      }
      return { chunk: chunkOf(mini.models.get(sha256) ?? new Uint8Array(), index) }
    }
    await mini.offer()
    await committed(mini)
    await delivered(agent, 1)
    const fetched = mini.said.flatMap(({ event, request }) =>
      event === 'model:chunk' ? [(request as { index: number }).index] : [],
    )
    expect(fetched).toEqual([0, 1, 1])

    let chunks = 0
    mini.answers['upload:commit'] = () => {
      if (chunks++ === 0) mini.cut()
      delete mini.answers['upload:commit']
      return { receipt: 'never arrives' }
    }
    await mini.offer({ round: 2 })
    await delivered(agent, 2)
    // Both chunks once: after the cut only the commit was said again.
    expect(mini.said.filter(({ event }) => event === 'upload:chunk')).toHaveLength(4)
    expect(mini.said.filter(({ event }) => event === 'upload:commit')).toHaveLength(3)
    expect(agent.log.filter(({ event }) => event === 'coordinator.waiting')).toHaveLength(2)
  })

  /** An agent that is stopped when round 2 is trained and uploaded, and its receipt has not come. */
  async function stoppedBeforeReceipt() {
    const given = await setup()
    const { mini, site, training } = given
    const first = run(site, training)
    await mini.offer()
    await delivered(first, 1)
    await mini.publish({ round: 1 })
    mini.answers['upload:commit'] = () => new Promise(() => undefined)
    await mini.offer({ round: 2 })
    await committed(mini, 2)
    first.stop()
    await expect(first.outcome).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
    expect((await states(site)).toSorted()).toEqual(['after-1.state', 'held-2.state'])
    delete mini.answers['upload:commit']
    return given
  }

  test('delivers what it has trained when it is stopped before the receipt and starts again', async () => {
    const { mini, site, training } = await stoppedBeforeReceipt()
    const second = run(site, training)
    await mini.offer({ round: 2 })
    await delivered(second, 1)
    expect(training.rounds).toEqual([1, 2])
    expect(mini.updates.at(-1)?.manifest).toMatchObject({ round: 2, samples: 12, metrics: { correct: 6 } })
    const delta = decodeDelta(TINY_LAYOUT, mini.updates.at(-1)?.bytes ?? new Uint8Array())
    expect(delta.get('classifier.1.bias')?.[0]).toBeCloseTo(0.002, 6)
    // It goes on from the state of the round it did not train in this life.
    await mini.offer({ round: 3 })
    await delivered(second, 2)
    const next = decodeDelta(TINY_LAYOUT, mini.updates.at(-1)?.bytes ?? new Uint8Array())
    expect(next.get('classifier.1.bias')?.[0]).toBeCloseTo(0.003, 6)
    expect(training.rounds).toEqual([1, 2, 3])
    expect((await readdir(join(site.dir, 'state', 'tiny'))).filter((name) => /delta/.test(name))).toEqual([])
  })

  test('fetches the teacher once, whatever rounds and lives follow', async () => {
    const { mini, site, training } = await setup()
    const backbone = { name: 'efficientnet-b0', widthMultiplier: 0.1, depthMultiplier: 0.1 } as const
    const layout = backboneLayout(backbone, 2)
    const teacher = encodeSafetensors(layout, initialWeights(layout, 'a teacher'))
    const sha256 = sha256Hex(teacher)
    mini.models.set(sha256, teacher)
    const study = studySchema.parse({
      ...TINY_STUDY,
      teacher: { ...backbone, sha256, task: 'same', classes: 2 },
    })
    mini.welcome = { changes: {}, plan: { study } }
    for (const rounds of [[1, 2], [3]]) {
      const agent = run(site, training)
      for (const [i, round] of rounds.entries()) {
        await mini.offer({ round })
        await delivered(agent, i + 1)
      }
      agent.stop()
      await agent.outcome.catch(() => undefined)
    }
    expect(training.rounds).toEqual([1, 2, 3])
    const opened = mini.said.filter(({ event }) => event === 'model:open')
    expect(opened.map(({ request }) => (request as { sha256: string }).sha256)).toEqual([mini.base, sha256])
  })

  test('gives the same bits when its delta is lost and the round is trained again', async () => {
    const { mini, site, training } = await stoppedBeforeReceipt()
    const [held] = (await mini.heard('upload:open', 2)).manifest.split('.').slice(1)
    const { payload } = JSON.parse(Buffer.from(held ?? '', 'base64url').toString())
    await rm(join(site.dir, 'state', 'tiny', 'held-2.delta'))
    const second = run(site, training)
    await mini.offer({ round: 2 })
    await delivered(second, 1)
    // 0.001 · 2 on top of the base, not 0.001 · 3: it started from the state after round 1.
    expect(mini.updates.at(-1)?.manifest.payload).toBe(payload)
    expect(training.rounds).toEqual([1, 2, 2])
    expect((await states(site)).toSorted()).toEqual(['after-1.state', 'after-2.state'])
  })

  test.each(['kept', 'lost'])(
    'pays in the next round what int8 has lost, over a restart with the held delta %s, and rounds to the same bytes',
    async (fate) => {
      const { mini, site, training } = await setup()
      const federation = { ...TINY_STUDY.federation, encoding: 'int8' } as const
      mini.welcome = { changes: {}, plan: { study: { ...TINY_STUDY, federation } } }
      const step = (x: number, i: number): number => x + 1e-3 * Math.sin(i)
      const log = {
        ...training,
        result: () => new Map([...TINY_STUDENT].map(([name, values]) => [name, values.map(step)])),
      }
      const first = run(site, log)
      await mini.offer()
      await delivered(first, 1)
      await mini.publish({ round: 1 })
      mini.answers['upload:commit'] = () => new Promise(() => undefined)
      await mini.offer({ round: 2 })
      await committed(mini, 2)
      first.stop()
      await first.outcome.catch(() => undefined)
      if (fate === 'lost') await rm(join(site.dir, 'state', 'tiny', 'held-2.delta'))

      delete mini.answers['upload:commit']
      const second = run(site, log)
      await mini.offer({ round: 2 })
      await delivered(second, 1)
      expect(log.rounds).toEqual(fate === 'lost' ? [1, 2, 2] : [1, 2])
      const payloads = mini.said.flatMap(({ event, request }) =>
        event === 'upload:open'
          ? [readUnverified('manifest', (request as { manifest: string }).manifest).payload]
          : [],
      )
      expect(payloads).toHaveLength(3)
      expect(payloads[2]).toBe(payloads[1])

      const [one, two] = mini.updates.map(({ manifest, bytes }) => {
        expect(manifest).toMatchObject({ encoding: 'int8', bytes: deltaBytes(TINY_LAYOUT, 'int8') })
        return decodeDelta(TINY_LAYOUT, bytes, 'int8')
      })
      const name = 'classifier.1.weight'
      const want = computeDelta(TINY_LAYOUT, log.result(), TINY_STUDENT).get(name) ?? []
      const worst = (of: (i: number) => number): number =>
        Math.max(...Array.from(want, (_, i) => Math.abs(of(i))))
      const stepSize = 1e-3 / 127
      // Once off by up to a step; after two rounds still by no more, and not by the same again.
      expect(worst((i) => (one?.get(name)?.[i] ?? 0) - (want[i] ?? 0))).toBeLessThanOrEqual(1.01 * stepSize)
      const sum = (i: number): number => (one?.get(name)?.[i] ?? 0) + (two?.get(name)?.[i] ?? 0)
      // A step of the second block, whose largest value has the first one's residual on top.
      expect(worst((i) => sum(i) - 2 * (want[i] ?? 0))).toBeLessThanOrEqual(1.02 * stepSize)
    },
  )

  test('trains anew what it holds a delta of another base for', async () => {
    const { mini, site, training } = await stoppedBeforeReceipt()
    const student = encodeSafetensors(
      TINY_LAYOUT,
      new Map([...TINY_STUDENT].map(([n, v]) => [n, v.map((x) => x / 2)])),
    )
    const base = sha256Hex(student)
    mini.models.set(base, student)
    // It has missed the record of round 1: else it would know that this is not what was published.
    await rm(join(site.dir, 'state', 'tiny', 'ledger'), { recursive: true })
    const second = run(site, training)
    await mini.offer({ round: 2, base, baseBytes: student.byteLength })
    await delivered(second, 1)
    expect(training.rounds).toEqual([1, 2, 2])
    expect(mini.updates.at(-1)?.manifest.base).toBe(base)
  })

  test('trains a round again from the state before it when another attempt is offered after a restart', async () => {
    const { mini, site, training } = await setup()
    const first = run(site, training)
    await mini.offer()
    await delivered(first, 1)
    first.stop()
    await first.outcome.catch(() => undefined)
    const second = run(site, training)
    await mini.offer({ attempt: 2 })
    await delivered(second, 1)
    expect(mini.updates.map(({ manifest }) => manifest.attempt)).toEqual([1, 2])
    expect(mini.updates[0]?.bytes).toEqual(mini.updates[1]?.bytes)
  })

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

describe('runAgent() in a study that takes late updates', () => {
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
