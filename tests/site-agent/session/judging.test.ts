import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import type { StudyInput } from '@tessera/shared/protocol'
import { study as studySchema } from '@tessera/shared/protocol'
import { readUnverified, sha256Hex, verifyPayload } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import type { AgentOptions } from '../../../site-agent/index.ts'
import { verifyAudit } from '../../../site-agent/uplink/audit.ts'
import { TINY_STUDY } from '../../support/mini-coordinator.ts'
import { noiseFolder } from '../../support/tile-files.ts'
import { delivered, policyOf, run, setup } from './running-agent.ts'

const COUNTS = [
  [3, 1],
  [0, 4],
]
/** Four tiles of each class to train on, and as many to be judged by. */
const divided = () =>
  noiseFolder({ 'train/normal': 4, 'train/tumor': 4, 'val/normal': 4, 'val/tumor': 4 }, 16)

/** A site in a study that judges, its agent not running; `counted` is told each time that tiles are counted. */
async function judged(changes: Partial<StudyInput['judging'] & object> = {}) {
  const { mini, site, training } = await setup()
  mini.welcome = {
    changes: {},
    plan: { study: studySchema.parse({ ...TINY_STUDY, judging: changes }) },
  }
  const counted: number[] = []
  const countAnswers: AgentOptions['countAnswers'] = async ({ tiles }) => {
    counted.push(tiles.count)
    return COUNTS
  }
  const dataDir = await divided()
  const agent = (more: Partial<AgentOptions> = {}) => run(site, training, { countAnswers, dataDir, ...more })
  const words = () =>
    mini.said.flatMap(({ event, request }) =>
      event === 'round:judge' ? [(request as { judgement: string }).judgement] : [],
    )
  return { mini, site, training, counted, agent, words }
}
const word = (site: { dir: string }) => join(site.dir, 'state', 'tiny', 'judgement.json')
const isSaid = async (site: { dir: string }): Promise<boolean> =>
  (JSON.parse(await readFile(word(site), 'utf8')) as { isSaid: boolean }).isSaid

describe('a published student', () => {
  test('is judged on the part that is not trained on, signed, said, and in the audit log before', async () => {
    const { mini, site, counted, agent } = await judged()
    const running = agent()
    await mini.publish({ round: 1 })
    const { judgement } = await mini.heard('round:judge')
    expect(await verifyPayload('judgement', judgement, site.keys.publicKey)).toMatchObject({
      study: 'tiny',
      site: 'north',
      round: 1,
      student: mini.base,
      part: 'val',
      counts: COUNTS,
      withheld: null,
      policyHash: sha256Hex(await readFile(join(site.dir, 'policy.yaml'), 'utf8')),
    })
    expect(counted).toEqual([8])
    await expect
      .poll(() => running.events.filter(({ kind }) => kind === 'judged'))
      .toEqual([{ kind: 'judged', round: 1, tiles: 8 }])
    const lines: string[] = []
    await verifyAudit(join(site.dir, 'audit.jsonl'), ({ kind, why }) => void lines.push(`${kind}: ${why}`))
    expect(lines).toContain(
      'round:judge: tells how the student of round 1 does on part val: the counts of 8 tiles',
    )
  })
  test('is judged before the next round is trained, which starts from it', async () => {
    const { mini, agent, training } = await judged()
    const running = agent()
    await mini.publish({ round: 1 })
    await mini.offer({ round: 2 })
    await delivered(running, 1)
    expect(training.rounds).toEqual([2])
    const order = mini.said.map(({ event }) => event)
    expect(order.indexOf('round:judge')).toBeLessThan(order.indexOf('upload:open'))
  })
  test('of a round that is not judged is passed over', async () => {
    const { mini, agent, counted } = await judged({ every: 2 })
    agent()
    const previous = sha256Hex(await mini.publish({ round: 1 }))
    await mini.publish({ round: 2, previous })
    const { judgement } = await mini.heard('round:judge')
    expect(readUnverified('judgement', judgement).round).toBe(2)
    expect(counted).toEqual([8])
  })
  test('that is the last is judged before the agent ends', async () => {
    const { mini, agent, words } = await judged({ every: 100 })
    const running = agent()
    await mini.publish({ round: 1, final: true })
    expect(await running.outcome).toEqual({ rounds: 0, finished: true })
    expect(words()).toHaveLength(1)
  })
})

describe('a site that has no word to say', () => {
  test('says so when its policy withholds judgements, and counts nothing', async () => {
    const { mini, site, agent, counted } = await judged()
    await policyOf(site, mini, { judging: 'withheld' })
    agent()
    await mini.publish({ round: 1 })
    const { judgement } = await mini.heard('round:judge')
    expect(readUnverified('judgement', judgement)).toMatchObject({ counts: null, withheld: 'policy' })
    expect(counted).toEqual([])
  })
  test('says so when its data have no such part', async () => {
    const { mini, site, agent } = await judged({ part: 'test' })
    agent({ dataDir: site.dataDir })
    await mini.publish({ round: 1 })
    const { judgement } = await mini.heard('round:judge')
    expect(readUnverified('judgement', judgement)).toMatchObject({ counts: null, withheld: 'no-tiles' })
  })
  test('leaves out a class of too few tiles', async () => {
    const { mini, site, agent } = await judged()
    await policyOf(site, mini, { smallestClassCount: 3 })
    agent({
      countAnswers: async () => [
        [2, 0],
        [1, 5],
      ],
    })
    await mini.publish({ round: 1 })
    const { judgement } = await mini.heard('round:judge')
    expect(readUnverified('judgement', judgement).counts).toEqual([null, [1, 5]])
  })
})

describe('a judgement that is cut off', () => {
  test('is said again after a kill, the same text, without counting again; once it is answered, no more', async () => {
    const { mini, site, agent, counted, words } = await judged()
    mini.answers['round:judge'] = () => new Promise(() => undefined)
    const killed = agent()
    const record = await mini.publish({ round: 1 })
    await mini.heard('round:judge')
    killed.stop()
    await killed.outcome.catch(() => undefined)
    expect(await isSaid(site)).toBe(false)
    delete mini.answers['round:judge']
    const again = agent()
    await mini.heard('round:judge', 2)
    await expect.poll(() => isSaid(site)).toBe(true)
    again.stop()
    await again.outcome.catch(() => undefined)
    expect(counted).toEqual([8])
    expect(new Set(words()).size).toBe(1)
    const third = agent()
    await mini.publish({ round: 2, previous: sha256Hex(record), final: true })
    await third.outcome
    expect(words().map((text) => readUnverified('judgement', text).round)).toEqual([1, 1, 2])
  })
  test('of the last student is said by an agent that comes back to a finished study', async () => {
    const { mini, agent, words } = await judged()
    mini.answers['round:judge'] = () => new Promise(() => undefined)
    const killed = agent()
    await mini.publish({ round: 1, final: true })
    await mini.heard('round:judge')
    killed.stop()
    await killed.outcome.catch(() => undefined)
    delete mini.answers['round:judge']
    mini.welcome.changes = { phase: 'finished' }
    expect(await agent().outcome).toEqual({ rounds: 0, finished: true })
    expect(new Set(words()).size).toBe(1)
    const before = words().length
    expect(await agent().outcome).toEqual({ rounds: 0, finished: true })
    expect(words()).toHaveLength(before)
  })
  test('is made anew when its file cannot be read', async () => {
    const { mini, site, agent, counted } = await judged()
    const first = agent()
    await mini.publish({ round: 1 })
    await mini.heard('round:judge')
    await expect.poll(() => isSaid(site)).toBe(true)
    first.stop()
    await first.outcome.catch(() => undefined)
    await writeFile(word(site), '{"round"')
    agent()
    await mini.heard('round:judge', 2)
    expect(counted).toEqual([8, 8])
  })
  test('ends with a study that is cancelled', async () => {
    const { mini, agent, words } = await judged()
    let isCounting = false
    const running = agent({
      countAnswers: ({ signal }) => {
        isCounting = true
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        })
      },
    })
    await mini.publish({ round: 1 })
    await expect.poll(() => isCounting).toBe(true)
    await mini.snapshot({ phase: 'cancelled' })
    expect(await running.outcome).toEqual({ rounds: 0, finished: false })
    expect(words()).toEqual([])
  })
  test('ends when the next round is published: it is the newest student that is asked for', async () => {
    const { mini, agent } = await judged()
    let counting = 0
    const running = agent({
      countAnswers: ({ signal }) =>
        counting++ > 0
          ? Promise.resolve(COUNTS)
          : new Promise((_, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason as Error))
            }),
    })
    const previous = sha256Hex(await mini.publish({ round: 1 }))
    await expect.poll(() => counting).toBe(1)
    await mini.publish({ round: 2, previous })
    const { judgement } = await mini.heard('round:judge')
    expect(readUnverified('judgement', judgement).round).toBe(2)
    expect(running.log).toContainEqual(
      expect.objectContaining({ event: 'judgement.missed', round: 1, code: 'ERR_JUDGEMENT_CLOSED' }),
    )
  })
})

describe('what goes wrong with a judgement', () => {
  test.each(['ERR_JUDGEMENT_CLOSED', 'ERR_JUDGEMENT_DUPLICATE'] as const)(
    '%s is the coordinator’s last word, and the agent goes on',
    async (code) => {
      const { mini, site, agent } = await judged()
      mini.answers['round:judge'] = () => {
        throw new TesseraError(code, 'as the test wants it')
      }
      const running = agent()
      await mini.publish({ round: 1 })
      await expect
        .poll(() => running.log)
        .toContainEqual(expect.objectContaining({ event: 'judgement.refused', code }))
      await expect.poll(() => isSaid(site)).toBe(true)
      await mini.offer({ round: 2 })
      await delivered(running, 1)
    },
  )
  test('a count that fails is no judgement, and the agent goes on', async () => {
    const { mini, agent, words } = await judged()
    const running = agent({
      countAnswers: async () => {
        throw new TesseraError('ERR_ENGINE_GRAPH', 'as the test wants it')
      },
    })
    await mini.publish({ round: 1 })
    await mini.offer({ round: 2 })
    await delivered(running, 1)
    expect(words()).toEqual([])
    expect(running.log).toContainEqual(
      expect.objectContaining({ event: 'judgement.missed', code: 'ERR_ENGINE_GRAPH' }),
    )
  })
})
