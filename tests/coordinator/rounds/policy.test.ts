import { evolve, initialRounds, roundEvent, staleness, weightOf } from '@tessera/coordinator/rounds'
import { describe, expect, test } from 'vitest'
import { HASH } from '../../support/signed-parts.ts'
import { DEADLINE_MS, machine, tinyStudy } from './machine.ts'

const refuses = (code: string) => expect.objectContaining({ code })

describe('a deadline that moves while there is progress', () => {
  test('a sign of progress moves it, by one event, when the round would have ended', () => {
    const rounds = machine()
    rounds.tick(0, ['a', 'b'])
    rounds.accept('a')
    const signs = new Map([['b', 60]])
    expect(rounds.tick(DEADLINE_MS - 1, [], signs)).toEqual([])
    expect(rounds.tick(DEADLINE_MS, [], signs)).toEqual(['deadline.moved'])
    expect(rounds.tick(DEADLINE_MS, [], signs)).toEqual([])
    expect(rounds.tick(60 + DEADLINE_MS - 1, [], signs)).toEqual([])
    expect(rounds.tick(60 + DEADLINE_MS, [], signs)).toEqual(['round.closed'])
    expect(rounds.log.at(-1)).toMatchObject({ absent: [{ site: 'b', code: 'ERR_TIMED_OUT' }] })
  })

  test("one site's progress does not make the round wait for another", () => {
    const rounds = machine()
    rounds.tick(0, ['a', 'b', 'c'])
    rounds.accept('a')
    const signs = new Map([['b', 90]])
    rounds.tick(DEADLINE_MS, [], signs)
    rounds.accept('b')
    expect(rounds.tick(DEADLINE_MS, [], signs)).toEqual(['round.closed'])
    expect(rounds.log.at(-1)).toMatchObject({ absent: [{ site: 'c', code: 'ERR_TIMED_OUT' }] })
  })

  test('no progress moves it beyond the limit of the round', () => {
    const rounds = machine(tinyStudy({ stretch: 2.5 }))
    rounds.tick(0, ['a', 'b'])
    const events: string[] = []
    for (let nowMs = 1; rounds.state().phase === 'collecting'; nowMs++) {
      events.push(...rounds.tick(nowMs, [], new Map([['a', nowMs]])))
      if (rounds.state().phase !== 'collecting') expect(nowMs).toBe(250)
    }
    expect(events).toEqual(['deadline.moved', 'deadline.moved', 'round.closed'])
  })

  test('with stretch 1 it never moves', () => {
    const rounds = machine(tinyStudy({ stretch: 1 }))
    rounds.tick(0, ['a', 'b'])
    expect(rounds.tick(DEADLINE_MS, [], new Map([['a', 99]]))).toEqual(['round.closed'])
  })

  test('a site that was silent for too long may still deliver while the round waits for others', () => {
    const rounds = machine()
    rounds.tick(0, ['a', 'b'])
    rounds.tick(DEADLINE_MS, [], new Map([['b', 50]]))
    rounds.accept('a')
    rounds.accept('b')
    rounds.tick(DEADLINE_MS + 1, [])
    expect(rounds.log.at(-1)).toMatchObject({ contributors: ['a', 'b'] })
  })
})

describe('grace', () => {
  test('ends the round so long after its quorum, progress or not', () => {
    const rounds = machine(tinyStudy({ quorum: 2, graceMs: 20 }))
    rounds.tick(0, ['a', 'b', 'c'])
    rounds.accept('a', { receivedAtMs: 10 })
    expect(rounds.tick(50, [])).toEqual([])
    rounds.accept('b', { receivedAtMs: 60 })
    const signs = new Map([['c', 79]])
    expect(rounds.tick(79, [], signs)).toEqual([])
    expect(rounds.tick(80, [], signs)).toEqual(['round.closed'])
    expect(rounds.log.at(-1)).toMatchObject({ absent: [{ site: 'c', code: 'ERR_ROUND_CLOSED' }] })
  })

  test('begins anew with the next update when a revocation breaks the quorum', () => {
    const rounds = machine(tinyStudy({ quorum: 1, graceMs: 20 }))
    rounds.tick(0, ['a', 'b'])
    rounds.accept('a', { receivedAtMs: 10 })
    rounds.revoke('a')
    expect(rounds.tick(50, [])).toEqual([])
    expect(rounds.tick(DEADLINE_MS, [])).toEqual(['round.closed'])
    expect(rounds.log.at(-1)).toMatchObject({ outcome: 'retry' })
  })
})

describe('minSamples', () => {
  test('a round with fewer samples is opened again, and published once there are enough', () => {
    const rounds = machine(tinyStudy({ minSamples: 10 }))
    rounds.tick(0, ['a', 'b'])
    rounds.accept('a', { samples: 4 })
    rounds.accept('b', { samples: 5 })
    rounds.tick(1, ['a', 'b'])
    expect(rounds.log.at(-1)).toMatchObject({ type: 'round.closed', outcome: 'retry' })
    expect(rounds.tick(2, ['a', 'b'])).toEqual([])
    expect(rounds.tick(2, ['a', 'b', 'c'])).toEqual(['round.opened'])
    rounds.accept('c', { samples: 1 })
    rounds.tick(3, [])
    expect(rounds.log.at(-1)).toMatchObject({ outcome: 'publish', contributors: ['a', 'b', 'c'] })
  })
})

describe('a cohort', () => {
  const SITES = ['a', 'b', 'c', 'd', 'e', 'f']
  const offered = (rounds: ReturnType<typeof machine>) => [...(rounds.state().current?.offers.keys() ?? [])]

  test('is drawn from the study seed and the round, whoever was there first', () => {
    const study = tinyStudy({ cohort: { size: 2, overSelect: 1 } })
    const [one, other] = [machine(study), machine(study)]
    one.tick(0, SITES)
    other.tick(0, SITES.toReversed())
    expect(offered(one)).toHaveLength(3)
    expect(offered(other)).toEqual(offered(one))
    expect(one.state().current?.notDrawn).toEqual(SITES.filter((site) => !offered(one).includes(site)))
  })

  test('is another in other rounds, and in time everyone is drawn', () => {
    const study = tinyStudy({ cohort: { size: 2 } })
    const rounds = machine({ ...study, training: { ...study.training, rounds: 20 } })
    const drawn: string[] = []
    for (let round = 1; round <= 20; round++) {
      rounds.tick(0, SITES)
      drawn.push(offered(rounds).join(''))
      for (const site of offered(rounds)) rounds.accept(site)
      rounds.tick(1, SITES)
      rounds.publish()
    }
    expect(new Set(drawn).size).toBeGreaterThan(5)
    expect(new Set(drawn.join(''))).toEqual(new Set(SITES))
  })

  test('is complete with its size: the slowest are not waited for', () => {
    const rounds = machine(tinyStudy({ cohort: { size: 2, overSelect: 1 } }))
    rounds.tick(0, SITES)
    const [one = '', other = '', slow = ''] = offered(rounds)
    rounds.accept(one)
    expect(rounds.tick(1, SITES)).toEqual([])
    rounds.accept(other)
    expect(rounds.tick(1, SITES)).toEqual(['round.closed'])
    expect(rounds.log.at(-1)).toMatchObject({ absent: [{ site: slow, code: 'ERR_ROUND_CLOSED' }] })
  })

  test('of fewer sites than its size is all of them', () => {
    const rounds = machine(tinyStudy({ cohort: { size: 3 } }))
    rounds.tick(0, ['a', 'b'])
    expect(offered(rounds)).toEqual(['a', 'b'])
  })
})

describe('late updates', () => {
  /** Round 1 is published with `b`; `a` was offered it and is late. */
  function oneLate(late: 'refuse' | { maxStaleness: number } = { maxStaleness: 1 }) {
    const study = tinyStudy({ late })
    const rounds = machine({ ...study, training: { ...study.training, rounds: 5 } })
    rounds.tick(0, ['a', 'b'])
    rounds.accept('b')
    rounds.tick(DEADLINE_MS, [])
    rounds.publish()
    return rounds
  }
  const FIRST = { round: 1, attempt: 1 }

  test('are refused by default', () => {
    const rounds = oneLate('refuse')
    rounds.tick(200, ['a', 'b'])
    expect(() => rounds.accept('a', FIRST)).toThrow(refuses('ERR_ROUND_CLOSED'))
  })

  test('do not come again after their site was revoked before they counted', () => {
    const rounds = oneLate()
    rounds.accept('a', FIRST)
    rounds.revoke('a')
    expect(() => rounds.accept('a', FIRST)).toThrow(refuses('ERR_ROUND_CLOSED'))
  })

  test('count once, in the open round, in place of an answer to it, with weight 1/√2', () => {
    const rounds = oneLate()
    rounds.tick(200, ['a', 'b'])
    rounds.accept('a', { ...FIRST, samples: 8 })
    const update = rounds.state().current?.accepted.get('a')
    expect(update).toMatchObject({ round: 2, attempt: 1, late: FIRST })
    expect(weightOf(update ?? { samples: 0, round: 1 })).toBe(8 / Math.SQRT2)
    expect(() => rounds.accept('a', FIRST)).toThrow(refuses('ERR_ROUND_CLOSED'))
    expect(() => rounds.accept('a', { round: 2 })).toThrow(refuses('ERR_UPDATE_DUPLICATE'))
    rounds.accept('b')
    expect(rounds.tick(201, [])).toEqual(['round.closed'])
    expect(rounds.log.at(-1)).toMatchObject({ contributors: ['a', 'b'], absent: [] })
    rounds.publish()
    rounds.tick(202, ['a', 'b'])
    expect(() => rounds.accept('a', FIRST)).toThrow(refuses('ERR_ROUND_CLOSED'))
  })

  test('that come between rounds count in the next, which need not ask that site', () => {
    const rounds = oneLate()
    rounds.accept('a', FIRST)
    expect(rounds.tick(200, ['a', 'b'])).toEqual(['round.opened'])
    expect([...(rounds.state().current?.offers.keys() ?? [])]).toEqual(['b'])
    rounds.accept('b')
    rounds.tick(201, [])
    expect(rounds.log.at(-1)).toMatchObject({ outcome: 'publish', contributors: ['a', 'b'] })
  })

  test('are too old after maxStaleness rounds', () => {
    const rounds = oneLate()
    rounds.tick(200, ['a', 'b'])
    rounds.accept('b')
    rounds.tick(300, [])
    rounds.publish()
    expect(() => rounds.accept('a', FIRST)).toThrow(refuses('ERR_ROUND_CLOSED'))
  })

  test('of a site that was not offered that round, or declined it, do not count', () => {
    const rounds = oneLate()
    rounds.tick(200, ['a', 'b', 'c'])
    expect(() => rounds.accept('c', FIRST)).toThrow(refuses('ERR_ROUND_CLOSED'))
    rounds.decline('c')
    rounds.accept('a')
    rounds.accept('b')
    rounds.tick(201, [])
    rounds.publish()
    rounds.tick(300, ['a', 'b', 'c'])
    expect(() => rounds.accept('c', { round: 2 })).toThrow(refuses('ERR_ROUND_CLOSED'))
  })

  test('weigh their samples over the root of 1 + staleness', () => {
    const update = { samples: 6, round: 9 }
    expect([weightOf(update), staleness(update)]).toEqual([6, 0])
    const old = { ...update, late: { round: 1, attempt: 2 } }
    expect([weightOf(old), staleness(old)]).toEqual([2, 8])
  })
})

describe("an operator's word", () => {
  test('paused, the open round ends and no other opens until the study is resumed', () => {
    const rounds = machine()
    rounds.tick(0, ['a', 'b'])
    rounds.say('study.paused')
    rounds.say('study.paused')
    rounds.accept('a')
    rounds.accept('b')
    expect(rounds.tick(1, ['a', 'b'])).toEqual(['round.closed'])
    rounds.publish()
    expect(rounds.tick(2, ['a', 'b'])).toEqual([])
    expect(rounds.state()).toMatchObject({ phase: 'waiting', round: 2, paused: true })
    rounds.say('study.unpaused')
    expect(rounds.tick(3, ['a', 'b'])).toEqual(['round.opened'])
  })

  test('resuming also starts a study again that stopped without a quorum', () => {
    const rounds = machine()
    while (rounds.state().phase !== 'stopped') {
      rounds.tick(0, ['a', 'b'])
      rounds.tick(DEADLINE_MS, [])
    }
    rounds.say('study.unpaused')
    expect(rounds.tick(0, ['a', 'b'])).toEqual(['round.opened'])
  })

  test('cancelled is final, also while a student is being made', () => {
    const rounds = machine()
    rounds.tick(0, ['a', 'b'])
    rounds.accept('a')
    rounds.accept('b')
    rounds.tick(1, [])
    rounds.say('study.cancelled')
    expect(rounds.publish()).toEqual([])
    for (const word of ['study.unpaused', 'study.paused'] as const) rounds.say(word)
    expect(rounds.tick(2, ['a', 'b'])).toEqual([])
    expect(rounds.state()).toMatchObject({ phase: 'cancelled', current: null, paused: false })
    expect(() => rounds.accept('a')).toThrow(refuses('ERR_ROUND_CLOSED'))
  })

  test('a finished study stays finished', () => {
    const rounds = machine({ ...tinyStudy(), training: { ...tinyStudy().training, rounds: 1 } })
    rounds.tick(0, ['a', 'b'])
    rounds.accept('a')
    rounds.accept('b')
    rounds.tick(1, [])
    rounds.publish()
    rounds.say('study.cancelled')
    expect(rounds.halt('a', 5)).toEqual([])
    expect(rounds.state().phase).toBe('finished')
  })
})

describe('a round that the operator calls', () => {
  test('ends at once with what has come in, whoever still shows progress', () => {
    const rounds = machine()
    rounds.tick(0, ['a', 'b'])
    rounds.accept('a')
    rounds.call()
    expect(rounds.tick(1, ['a', 'b'], new Map([['b', 1]]))).toEqual(['round.closed'])
    expect(rounds.state()).toMatchObject({ phase: 'closed', current: { end: { contributors: ['a'] } } })
    expect(rounds.state().current?.end?.absent).toEqual([{ site: 'b', code: 'ERR_ROUND_CLOSED' }])
  })

  test('is opened again when that is too little', () => {
    const rounds = machine(tinyStudy({ quorum: 2 }))
    rounds.tick(0, ['a', 'b'])
    rounds.accept('a')
    rounds.call()
    expect(rounds.tick(1, [])).toEqual(['round.closed'])
    expect(rounds.state()).toMatchObject({ phase: 'waiting', round: 1, attempt: 2 })
  })

  test('is that attempt and no other: a command that comes too late changes nothing', () => {
    const rounds = machine()
    rounds.call(1, 1)
    rounds.tick(0, ['a', 'b'])
    rounds.call(1, 2)
    rounds.call(2, 1)
    expect(rounds.tick(1, ['a', 'b'])).toEqual([])
  })
})

describe('a site that has seen more than the log knows', () => {
  test('halts the study for good', () => {
    const rounds = machine()
    rounds.tick(0, ['a', 'b'])
    expect(rounds.halt('a', 3)).toMatchObject([{ type: 'study.halted', site: 'a', record: 3 }])
    expect(rounds.halt('b', 3)).toEqual([])
    rounds.say('study.unpaused')
    expect(rounds.tick(1, ['a', 'b'])).toEqual([])
    expect(rounds.state()).toMatchObject({ phase: 'halted', current: null })
  })
})

test('a log that an earlier version wrote, without the newer fields, is understood', () => {
  const opened = roundEvent.parse({
    type: 'round.opened',
    study: 'tiny',
    round: 1,
    attempt: 1,
    base: HASH('0'),
    offers: [{ site: 'a', nonce: 'n'.repeat(22) }],
    openedAtMs: 0,
    deadlineMs: 7,
  })
  const { current } = evolve(initialRounds(tinyStudy(), HASH('0')), opened)
  expect(current).toMatchObject({ notDrawn: [], deadlineMs: 7, deadlines: new Map([['a', 7]]) })
})
