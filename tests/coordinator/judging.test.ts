import { exportStudy } from '@tessera/coordinator'
import { readEvents } from '@tessera/coordinator/store'
import { metricsText, studyMetrics } from '@tessera/coordinator/studies'
import type { Judgement, Published, StudyInput } from '@tessera/shared/protocol'
import { generateKeyPair, sha256Hex, signPayload } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { revoke } from '../../coordinator/enrolment/index.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { federation, wholeRound } from './federation.ts'
import { ask, codeOf, joined, type RawSite, started, TINY_STUDY } from './raw-site.ts'

const JUDGED: Partial<StudyInput> = { judging: {}, training: { rounds: 2 } }
const RIGHT: Judgement['counts'] = [
  [10, 0],
  [0, 10],
]

/** A round that both sites have trained, and its record as each has heard it. */
async function trained({ north, south }: { north: RawSite; south: RawSite }): Promise<Published> {
  await wholeRound([north, south], [0.01, 0.02])
  await south.published()
  return north.published()
}
/** Tells whether it is fulfilled by now. */
function watched(ended: Promise<void>): () => boolean {
  let over = false
  const note = async (): Promise<void> => {
    await ended
    over = true
  }
  void note()
  return () => over
}
const say = async (site: RawSite, judgement: string): Promise<void> => {
  await ask(site.socket, 'round:judge', { judgement })
}

describe('a judgement', () => {
  test('is in the log when it is answered, and the next record lists it by its hash', async () => {
    const run = await federation({}, JUDGED)
    const first = await trained(run)
    const token = await run.north.judgement(first)
    await say(run.north, token)
    expect((await readEvents(run.dir)).at(-1)).toMatchObject({
      type: 'judgement.accepted',
      site: 'north',
      round: 1,
      student: first.student,
      judgement: token,
    })
    const second = await trained(run)
    expect(first.judged).toBeUndefined()
    expect(second.judged).toEqual({
      round: 1,
      judgements: [{ site: 'north', judgement: sha256Hex(token) }],
    })
  })
  test('said again over another connection, or to the next process, is answered and counts once', async () => {
    const run = await federation({}, JUDGED)
    const token = await run.north.judgement(await trained(run))
    await say(run.north, token)
    await say(run.north, token)
    await run.coordinator.close()
    const again = await started(run.dir)
    const north = await joined(again.coordinator.url, run.key, 'north', run.keys.north)
    await say(north, token)
    const events = await readEvents(run.dir)
    expect(events.filter(({ type }) => type === 'judgement.accepted')).toHaveLength(1)
  })
  test('another one of the same student is refused', async () => {
    const run = await federation({}, JUDGED)
    const record = await trained(run)
    await say(run.north, await run.north.judgement(record))
    const other = await run.north.judgement(record, { counts: RIGHT })
    expect(await codeOf(say(run.north, other))).toBe('ERR_JUDGEMENT_DUPLICATE')
  })
  test('of a round that is judged no more, or of a student that was never published, is refused', async () => {
    const run = await federation({}, JUDGED)
    const first = await trained(run)
    const late = await run.north.judgement(first)
    const foreign = await run.north.judgement(first, { student: 'f'.repeat(64) })
    expect(await codeOf(say(run.north, foreign))).toBe('ERR_JUDGEMENT_CLOSED')
    await trained(run)
    expect(await codeOf(say(run.north, late))).toBe('ERR_JUDGEMENT_CLOSED')
  })
  test('of one round said of another is refused: its round and student are signed together', async () => {
    const run = await federation({}, JUDGED)
    const first = await trained(run)
    await say(run.north, await run.north.judgement(first))
    const second = await trained(run)
    const moved = await run.north.judgement(second, { student: first.student })
    expect(await codeOf(say(run.north, moved))).toBe('ERR_JUDGEMENT_CLOSED')
  })
  test('that another key signed, or in the name of another site or study, is refused', async () => {
    const run = await federation({}, JUDGED)
    const record = await trained(run)
    const honest = await run.north.judgement(record)
    const stranger = await generateKeyPair()
    const payload = JSON.parse(Buffer.from(honest.split('.')[1] ?? '', 'base64url').toString()) as Judgement
    const forged = await signPayload('judgement', payload, stranger.privateKey)
    expect(await codeOf(say(run.north, forged))).toBe('ERR_SIGNATURE_INVALID')
    expect(await codeOf(say(run.south, honest))).toBe('ERR_SIGNATURE_INVALID')
    const others = await run.south.judgement(record, { site: 'north' })
    expect(await codeOf(say(run.south, others))).toBe('ERR_SIGNATURE_INVALID')
    const elsewhere = await run.north.judgement(record, { study: 'other' })
    expect(await codeOf(say(run.north, elsewhere))).toBe('ERR_STUDY_UNKNOWN')
  })
  test.each<[string, Partial<Judgement>]>([
    ['of another part', { part: 'test' }],
    ['of fewer classes', { counts: [[5]] }],
    ['with a row of another length', { counts: [[8, 2, 1], null] }],
    ['of no tile', { counts: [[0, 0], null] }],
    ['of more tiles than a site can have', { counts: [[2 ** 31, 1], null] }],
    ['with counts and a reason to withhold them', { withheld: 'policy' }],
    ['without counts and without a reason', { counts: null }],
  ])('%s is refused', async (_, changes) => {
    const run = await federation({}, JUDGED)
    const judgement = await run.north.judgement(await trained(run), changes)
    expect(await codeOf(say(run.north, judgement))).toBe('ERR_JUDGEMENT_FIT')
  })
  test('in a study that does not judge is refused', async () => {
    const run = await federation()
    const judgement = await run.north.judgement(await trained(run))
    expect(await codeOf(say(run.north, judgement))).toBe('ERR_JUDGEMENT_FIT')
  })
  test('is not waited for: the next round opens and ends without it', async () => {
    const run = await federation({}, JUDGED)
    await trained(run)
    const second = await trained(run)
    expect(second).toMatchObject({ round: 2, final: true, judged: { round: 1, judgements: [] } })
  })
})

describe('the last student', () => {
  test('is judged before the study is over', async () => {
    const run = await federation({}, JUDGED)
    await trained(run)
    const last = await trained(run)
    const isOver = watched(run.coordinator.ended)
    await say(run.north, await run.north.judgement(last))
    expect(isOver()).toBe(false)
    await say(run.south, await run.south.judgement(last))
    await run.coordinator.ended
  })
  test('is waited for no longer than the study lets a site be silent', async () => {
    const run = await federation({}, JUDGED)
    await trained(run)
    await trained(run)
    const isOver = watched(run.coordinator.ended)
    // The wait begins when both have answered the record: at some time between two looks.
    await expect
      .poll(() => {
        run.clock.advance(60_000)
        return isOver()
      })
      .toBe(true)
  })
  test('is not waited for by a site that is revoked', async () => {
    const run = await federation({}, JUDGED)
    await trained(run)
    const last = await trained(run)
    await say(run.north, await run.north.judgement(last))
    await revoke({ dir: run.dir, site: 'south', clock: run.clock })
    run.clock.advance(2000)
    await run.coordinator.ended
  })
  test('is still judged by a site that comes back to a coordinator that was started again', async () => {
    const run = await federation({}, JUDGED)
    await trained(run)
    const last = await trained(run)
    await run.coordinator.close()
    const again = await started(run.dir)
    const sites = {
      north: await joined(again.coordinator.url, run.key, 'north', run.keys.north),
      south: await joined(again.coordinator.url, run.key, 'south', run.keys.south),
    }
    await say(sites.north, await sites.north.judgement(last))
    await say(sites.south, await sites.south.judgement(last))
    await again.coordinator.ended
  })
})

describe('studyMetrics()', () => {
  test('is the cross-site matrix and all counts together; what is withheld is said so', async () => {
    const run = await federation({}, JUDGED)
    const first = await trained(run)
    await say(run.north, await run.north.judgement(first, { counts: RIGHT }))
    await say(run.south, await run.south.judgement(first, { counts: [[5, 5], null] }))
    const second = await trained(run)
    await say(run.north, await run.north.judgement(second))
    await say(run.south, await run.south.judgement(second, { counts: null, withheld: 'policy' }))
    const found = await studyMetrics({ dir: run.dir, study: 'tiny' })
    expect(
      found.rounds.map(({ round, sites }) => [
        round,
        sites.map(({ site, withheld, suppressed, counted }) => [
          site,
          withheld,
          suppressed,
          counted?.scores.accuracy,
        ]),
      ]),
    ).toEqual([
      [
        1,
        [
          ['north', null, [], 1],
          ['south', null, ['tumour'], 0.5],
        ],
      ],
      [
        2,
        [
          ['north', null, [], 17 / 20],
          ['south', 'policy', [], undefined],
        ],
      ],
    ])
    expect(found.rounds[0]?.pooled).toMatchObject({
      tiles: 30,
      counts: [
        [15, 5],
        [0, 10],
      ],
      scores: { accuracy: 25 / 30, balancedAccuracy: (15 / 20 + 1) / 2 },
    })
    expect(found.best).toMatchObject({ round: 1, student: first.student })
    expect(found.last).toEqual({ round: 2, student: second.student })
    expect(metricsText(found).split('\n')).toEqual([
      'study tiny, finished',
      `last student: round 2, ${second.student.slice(0, 12)}`,
      `best student: round 1, ${first.student.slice(0, 12)}, balanced 87.5`,
      '',
      'balanced of the student of each round, on part val of each site, %',
      '  round  north     south   all',
      '      1  100.0     50.0*  87.5',
      '      2   85.0  withheld  85.0',
      '',
      'all counts together, %',
      '  round  tiles  sites  accuracy  balanced  macro-F1  kappa',
      '      1     30      2      83.3      87.5      82.9   66.7',
      '      2     20      1      85.0      85.0      85.0   70.0',
      '',
    ])
  })
  test('of a study that does not judge says so', async () => {
    const { dir } = await federation()
    const found = await studyMetrics({ dir, study: 'tiny' })
    expect(found).toMatchObject({ judging: null, rounds: [], best: null })
    expect(metricsText(found)).toContain('its students are not judged')
  })
})

describe('exportStudy() with best', () => {
  test('writes the student that did best, and the last without it', async () => {
    const run = await federation({}, JUDGED)
    const first = await trained(run)
    await say(run.north, await run.north.judgement(first, { counts: RIGHT }))
    const second = await trained(run)
    await say(run.north, await run.north.judgement(second))
    const exported = async (best?: true) =>
      (await exportStudy({ dir: run.dir, study: 'tiny', out: await temporaryFolder(), best })).card
    expect(await exported(true)).toMatchObject({ round: 1, student: first.student, finished: false })
    expect(await exported()).toMatchObject({ round: 2, student: second.student, finished: true })
  })
  test('is refused while no site has told counts', async () => {
    const { dir } = await federation({}, JUDGED)
    const out = await temporaryFolder()
    expect(await codeOf(exportStudy({ dir, study: 'tiny', out, best: true }))).toBe('ERR_MODEL_UNKNOWN')
  })
})

describe('a study that stops early', () => {
  test('has a last record that says so, which sites end by, and its best and last student are both there', async () => {
    const training = { ...TINY_STUDY.training, rounds: 50, earlyStopping: { patience: 1 } }
    const run = await federation({}, { judging: {}, training })
    const first = await trained(run)
    await say(run.north, await run.north.judgement(first, { counts: RIGHT }))
    const second = await trained(run)
    await say(run.north, await run.north.judgement(second))
    const third = await trained(run)
    expect([first.final, second.final, third.final]).toEqual([false, false, true])
    await say(run.north, await run.north.judgement(third))
    await say(run.south, await run.south.judgement(third, { counts: null, withheld: 'no-tiles' }))
    await run.coordinator.ended
    expect(await studyMetrics({ dir: run.dir, study: 'tiny' })).toMatchObject({
      phase: 'finished',
      stoppedEarly: true,
      best: { round: 1 },
      last: { round: 3 },
    })
  })
})
