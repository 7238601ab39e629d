import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { silentLog } from '@tessera/shared/log'
import { layoutHash } from '@tessera/shared/model'
import { study as studySchema } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import { chunkOf } from '@tessera/shared/transfer'
import { describe, expect, test } from 'vitest'
import { type Policy, pause } from '../../../site-agent/policy/index.ts'
import { dryRunLines } from '../../../site-agent/screen/dry-run-lines.ts'
import { dryRun } from '../../../site-agent/session/dry-run.ts'
import { type AuditEntry, verifyAudit } from '../../../site-agent/uplink/audit.ts'
import { additiveTrainer, enrolledSite, type TrainingLog } from '../../support/enrolled-site.ts'
import { miniCoordinator, TINY_LAYOUT, TINY_STUDY } from '../../support/mini-coordinator.ts'
import { writePolicy } from '../../support/site-policy.ts'
import { noiseFolder } from '../../support/tile-files.ts'

async function setup(rules: Partial<Policy> = {}) {
  const mini = await miniCoordinator()
  const site = await enrolledSite(mini.url, mini.keys)
  await writePolicy(site.dir, { site: 'north', keys: site.keys, coordinator: mini.keys.publicKey }, rules)
  const training: TrainingLog = { rounds: [] }
  const options = {
    dir: site.dir,
    dataDir: site.dataDir,
    study: 'tiny',
    signal: AbortSignal.timeout(50_000),
    log: silentLog,
    clock: systemClock,
    createTrainer: additiveTrainer(training),
  }
  return { mini, site, training, options }
}

describe('dryRun()', () => {
  test('trains the coming round and says what would leave, to the tensor; only joining and fetching have left', async () => {
    const { mini, site, training, options } = await setup({ smallestSampleCount: 10 })
    mini.welcome = { changes: { round: 4 } }
    const found = await dryRun(options)
    expect(training.rounds).toEqual([5])
    expect(found.manifest).toMatchObject({
      study: 'tiny',
      site: 'north',
      round: 5,
      base: mini.base,
      layoutHash: layoutHash(TINY_LAYOUT),
      policyHash: sha256Hex(await readFile(join(site.dir, 'policy.yaml'))),
      samples: 12,
      metrics: { loss: 0.5, correct: null },
    })
    expect(found.refusal).toBeNull()
    expect(found.tensors.map(({ name }) => name)).toEqual(TINY_LAYOUT.tensors.map(({ name }) => name))
    expect(found.tensors.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(found.manifest.bytes)

    expect(new Set(mini.said.map(({ event }) => event))).toEqual(
      new Set(['key:fetch', 'session:join', 'model:open', 'model:chunk']),
    )
    const kinds = new Set<AuditEntry['kind']>()
    await verifyAudit(join(site.dir, 'audit.jsonl'), ({ kind }) => kinds.add(kind))
    expect([...kinds].filter((kind) => kind.includes(':')).toSorted()).toEqual([
      'key:fetch',
      'model:chunk',
      'model:open',
      'session:join',
    ])
  })

  test('says what a judged student would have the site tell', async () => {
    const told = async (rules: Partial<Policy>, folders: Record<string, number>) => {
      const { mini, options } = await setup(rules)
      mini.welcome = { changes: {}, plan: { study: studySchema.parse({ ...TINY_STUDY, judging: {} }) } }
      const { messages } = await dryRun({ ...options, dataDir: await noiseFolder(folders, 16) })
      return messages.find(({ kind }) => kind === 'round:judge')
    }
    const divided = { 'train/normal': 6, 'train/tumor': 6, 'val/normal': 5, 'val/tumor': 5 }
    const none = { frames: '1 a judged student', bytes: 0, what: 'that no counts are told, and why' }
    expect(await told({}, divided)).toMatchObject({
      bytes: '[[5,5],[5,5]]'.length,
      what: expect.stringContaining('the 10 tiles of part val'),
    })
    expect(await told({ judging: 'withheld' }, divided)).toMatchObject(none)
    expect(await told({}, { normal: 6, tumor: 6 })).toMatchObject(none)
  })

  test('leaves no state, no receipt and no ledger behind', async () => {
    const { site, options } = await setup()
    await dryRun(options)
    expect((await readdir(site.dir)).toSorted()).toEqual([
      'audit.jsonl',
      'cache',
      'keys',
      'policy.yaml',
      'policy.yaml.jws',
      'site.json',
    ])
  })

  test('refuses the offer that comes while it looks, for the agent that will start later', async () => {
    const { mini, options } = await setup()
    let offered: Promise<void> | null = null
    const [student = new Uint8Array()] = mini.models.values()
    mini.answers['model:chunk'] = async ({ index }) => {
      offered ??= mini.offer()
      await offered.catch(() => undefined)
      return { chunk: chunkOf(student, index).slice() }
    }
    await dryRun(options)
    await expect(offered).rejects.toMatchObject({ code: 'ERR_POLICY_PAUSED' })
  })

  test('says what the policy would say to the round', async () => {
    const { options } = await setup({ approval: 'each-round' })
    const found = await dryRun(options)
    expect(found.refusal?.code).toBe('ERR_POLICY_APPROVAL')
    expect(dryRunLines(found).at(-1)).toMatch(/^It would not leave now: round 1 must be approved/)
  })

  test('fetches nothing for a study that the policy does not allow, or while the site is paused', async () => {
    const forbidden = await setup({ studies: ['other'] })
    await expect(dryRun(forbidden.options)).rejects.toMatchObject({ code: 'ERR_POLICY_STUDY' })
    const paused = await setup()
    await pause(paused.site.dir, 1)
    await expect(dryRun(paused.options)).rejects.toMatchObject({ code: 'ERR_POLICY_PAUSED' })
    for (const { mini } of [forbidden, paused]) {
      expect(mini.said.map(({ event }) => event)).toEqual(['key:fetch', 'session:join'])
    }
  })

  test('has nothing to try once the study is finished', async () => {
    const { mini, options } = await setup()
    mini.welcome = { changes: { phase: 'finished' } }
    await expect(dryRun(options)).rejects.toMatchObject({ code: 'ERR_ROUND_CLOSED' })
  })
})

test('dryRunLines() names every message, every metric and every tensor', async () => {
  const { options } = await setup()
  const text = dryRunLines(await dryRun(options)).join('\n')
  for (const { name } of TINY_LAYOUT.tensors) expect(text).toContain(name)
  for (const word of ['upload:open', 'upload:chunk', '"loss": 0.5', '"samples": 12', '"policyHash"']) {
    expect(text).toContain(word)
  }
  expect(text).toMatch(/\d+ tensors +\d+\n\nThe policy would let it leave now\.$/)
})
