import { createStudy } from '@tessera/coordinator'
import { readEvents } from '@tessera/coordinator/store'
import { cloneStudy, closeRound, reportStudy, reportText, tellStudy } from '@tessera/coordinator/studies'
import { verifyPayload } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { readStatus } from '../../coordinator/status.ts'
import { federation, wholeRound } from './federation.ts'
import { codeOf, coordinatorFolder, joined, started, TINY_STUDY } from './raw-site.ts'

/** The coordinator looks into its inbox every two seconds. */
const INBOX_MS = 2000

describe('a study that is paused', () => {
  test('ends its open round and opens no other until it is resumed; sites are told', async () => {
    const { coordinator, dir, key, clock, north, south } = await federation()
    await north.offer()
    await tellStudy({ dir, study: 'tiny', clock }, 'pause')
    clock.advance(INBOX_MS)
    const told = await verifyPayload('welcome', await north.snapshots.next(), key)
    expect(told).toMatchObject({ paused: true, phase: 'collecting', open: { round: 1, attempt: 1 } })
    expect(told.offer).not.toBeNull()
    await wholeRound([south], [0.01])
    clock.advance(60_000)
    expect((await south.published()).round).toBe(1)
    expect(coordinator.progress()[0]).toMatchObject({ phase: 'waiting', paused: true, round: 2 })
    expect((await readStatus(dir, clock.now())).studies[0]).toMatchObject({ paused: true, round: 2 })
    await tellStudy({ dir, study: 'tiny', clock }, 'resume')
    clock.advance(INBOX_MS)
    expect((await south.offer()).round).toBe(2)
  })

  test('stays paused over a restart', async () => {
    const { coordinator, dir, key, keys, clock } = await federation()
    await coordinator.close()
    await tellStudy({ dir, study: 'tiny', clock }, 'pause')
    const again = await started(dir)
    const north = await joined(again.coordinator.url, key, 'north', keys.north)
    expect(north.welcome.paused).toBe(true)
  })
})

describe('a study that is cancelled', () => {
  test('is over for its sites, for the coordinator and for good', async () => {
    const { coordinator, dir, key, keys, url, clock, north, south } = await federation()
    await wholeRound([south], [0.01])
    await tellStudy({ dir, study: 'tiny', clock }, 'cancel')
    clock.advance(INBOX_MS)
    for (const site of [north, south]) {
      const told = await verifyPayload('welcome', await site.snapshots.next(), key)
      expect(told).toMatchObject({ phase: 'cancelled', open: null, offer: null })
    }
    await coordinator.ended
    await tellStudy({ dir, study: 'tiny', clock }, 'resume')
    expect((await joined(url, key, 'north', keys.north)).welcome.phase).toBe('cancelled')
  })

  test('a study that is not there is ERR_STUDY_UNKNOWN', async () => {
    const dir = await coordinatorFolder()
    expect(await codeOf(tellStudy({ dir, study: 'other' }, 'cancel'))).toBe('ERR_STUDY_UNKNOWN')
  })
})

describe('closeRound()', () => {
  test('has the running coordinator end its open round with what has come in', async () => {
    const { dir, clock, north } = await federation()
    await wholeRound([north], [0.01])
    expect(await closeRound({ dir, study: 'tiny', clock })).toEqual({ round: 1, attempt: 1 })
    clock.advance(INBOX_MS)
    expect((await north.published()).contributors.map(({ site }) => site)).toEqual(['north'])
  })

  test('needs a round that is open', async () => {
    const dir = await coordinatorFolder()
    expect(await codeOf(closeRound({ dir, study: 'tiny' }))).toBe('ERR_ROUND_CLOSED')
  })
})

describe('cloneStudy()', () => {
  test('makes the same study under another id, from its first student or from that of a round', async () => {
    const { coordinator, dir, key, keys, clock, north, south } = await federation()
    await wholeRound([north, south], [0.01, 0.02])
    const { base, student } = await north.published()
    expect(await cloneStudy({ dir, study: 'tiny', id: 'anew', clock })).toMatchObject({ student: base })
    const made = await cloneStudy({ dir, study: 'tiny', id: 'further', round: 1, clock })
    expect(made).toMatchObject({
      student,
      study: { id: 'further', seed: 'tests', student: { initial: 'file' } },
    })
    clock.advance(INBOX_MS)
    const { url } = coordinator
    const there = await joined(url, key, 'north', keys.north, 'further')
    expect(there.welcome).toMatchObject({ round: 0, student })
    expect(there.plan).toMatchObject({ student, study: { id: 'further', training: { rounds: 2 } } })
  })

  test.each([
    [{ id: 'tiny' }, 'ERR_STUDY_EXISTS'],
    [{ id: 'No Name' }, 'ERR_STUDY_INVALID'],
    [{ id: 'new', round: 1 }, 'ERR_MODEL_UNKNOWN'],
    [{ id: 'new', study: 'other' }, 'ERR_STUDY_UNKNOWN'],
  ])('%o is %s', async (options, code) => {
    const dir = await coordinatorFolder()
    expect(await codeOf(cloneStudy({ dir, study: 'tiny', ...options }))).toBe(code)
  })
})

describe('the report', () => {
  test('says who took part in each round, raises an alarm, and is read from the log', async () => {
    const { coordinator, dir, clock, north, south } = await federation({ alarmAfter: 2 })
    for (const round of [1, 2]) {
      expect((await north.offer()).round).toBe(round)
      await wholeRound([south], [0.01])
      clock.advance(60_000)
      await south.published()
    }
    await coordinator.ended
    const report = await reportStudy({ dir, study: 'tiny' })
    const { rounds } = report
    expect(rounds.map(({ round, samples }) => [round, samples])).toEqual([
      [1, 1],
      [2, 1],
    ])
    const text = reportText({ ...report, excluded: [{ site: 'north', rounds: 2 }] })
    expect(text).toMatch(/^study tiny, finished\nALARM {2}north is left out of 2 rounds running\n/)
    expect(text).toMatch(
      /round 2: 1 samples, 1 min\n {2}north {2}absent \(ERR_TIMED_OUT\), 2 rounds running\n/,
    )
    expect(text).toMatch(/ {2}south {2}contributed 1 samples, norm \d.*, after 0 s\n$/)
  })

  test('is loud in log, progress and status while a site is left out', async () => {
    const { coordinator, dir, clock, north, south, log } = await federation({ alarmAfter: 1 })
    await north.offer()
    await wholeRound([south], [0.01])
    clock.advance(60_000)
    await south.published()
    const excluded = [{ site: 'north', rounds: 1 }]
    expect(coordinator.progress()[0]?.excluded).toEqual(excluded)
    expect((await readStatus(dir, clock.now())).studies[0]?.excluded).toEqual(excluded)
    expect(log).toContainEqual(
      expect.objectContaining({ level: 'error', event: 'site.excluded', site: 'north', count: 1 }),
    )
  })

  test('of a study without a round says so', async () => {
    expect(reportText(await reportStudy({ dir: await coordinatorFolder(), study: 'tiny' }))).toBe(
      'study tiny, waiting\nno round has ended yet\n',
    )
  })
})

describe('two studies at once', () => {
  test('go on side by side: an update of one counts in it alone, and the pause of one leaves the other be', async () => {
    const { coordinator, dir, key, keys, url, clock, north, south } = await federation()
    await createStudy({ dir, study: { ...TINY_STUDY, id: 'other', seed: 'another' }, clock })
    const there = {
      north: await joined(url, key, 'north', keys.north, 'other'),
      south: await joined(url, key, 'south', keys.south, 'other'),
    }
    await wholeRound([there.north, north], [0.01, 0.02])
    await tellStudy({ dir, study: 'tiny', clock }, 'pause')
    clock.advance(INBOX_MS)
    await wholeRound([south, there.south], [0.02, 0.01])
    const [tiny, other] = [await north.published(), await there.north.published()]
    expect([tiny.study, other.study]).toEqual(['tiny', 'other'])
    expect(tiny.contributors).not.toEqual(other.contributors)
    await wholeRound([there.south, there.north], [0.01, 0.01])
    expect(await there.south.published()).toMatchObject({ round: 1 })
    expect(await there.south.published()).toMatchObject({ round: 2, final: true })
    expect(coordinator.progress().map(({ study, phase, paused }) => [study, phase, paused])).toEqual([
      ['tiny', 'waiting', true],
      ['other', 'finished', false],
    ])
    const types = (await readEvents(dir)).map(({ type }) => type)
    expect(types.filter((type) => type === 'round.published')).toHaveLength(3)
  })
})
