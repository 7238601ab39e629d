import { evolve, initialRounds, MAX_ATTEMPTS } from '@tessera/coordinator/rounds'
import { describe, expect, test } from 'vitest'
import { HASH } from '../../support/signed-parts.ts'
import { DEADLINE_MS, machine, tinyStudy } from './machine.ts'

describe('opening a round', () => {
  test('waits for minSites joined sites, then offers to those that are there', () => {
    const rounds = machine()
    expect(rounds.tick(0, ['a'])).toEqual([])
    expect(rounds.tick(5, ['b', 'a'])).toEqual(['round.opened'])
    expect(rounds.log[0]).toMatchObject({
      round: 1,
      attempt: 1,
      base: HASH('0'),
      openedAtMs: 5,
      deadlineMs: 5 + DEADLINE_MS,
    })
    expect([...(rounds.state().current?.offers.keys() ?? [])]).toEqual(['a', 'b'])
  })

  test('a site that comes later is not offered the open round', () => {
    const rounds = machine()
    rounds.tick(0, ['a', 'b'])
    expect(rounds.tick(1, ['a', 'b', 'c'])).toEqual([])
    expect(() => rounds.accept('c')).toThrow(expect.objectContaining({ code: 'ERR_ROUND_NOT_OFFERED' }))
  })
})

describe('closing a round', () => {
  test('as soon as every offered site has delivered or declined', () => {
    const rounds = machine()
    rounds.tick(0, ['a', 'b'])
    rounds.accept('a')
    expect(rounds.tick(1, ['a', 'b'])).toEqual([])
    rounds.decline('b')
    expect(rounds.tick(2, ['a', 'b'])).toEqual(['round.closed'])
    expect(rounds.state()).toMatchObject({ phase: 'closed', round: 1 })
    expect(rounds.log.at(-1)).toMatchObject({
      outcome: 'publish',
      contributors: ['a'],
      absent: [{ site: 'b', code: 'ERR_DATA_FOLDER' }],
    })
  })

  test('at the deadline without a site that has vanished, not a millisecond earlier', () => {
    const rounds = machine()
    rounds.tick(0, ['a', 'b'])
    rounds.accept('a')
    expect(rounds.tick(DEADLINE_MS - 1, [])).toEqual([])
    expect(rounds.tick(DEADLINE_MS, [])).toEqual(['round.closed'])
    expect(rounds.log.at(-1)).toMatchObject({ absent: [{ site: 'b', code: 'ERR_TIMED_OUT' }] })
  })

  test('a revoked site is not waited for, and what it delivered does not count', () => {
    const rounds = machine()
    rounds.tick(0, ['a', 'b'])
    rounds.accept('a')
    rounds.accept('b')
    rounds.revoke('b')
    rounds.tick(1, ['a'])
    expect(rounds.log.at(-1)).toMatchObject({
      contributors: ['a'],
      absent: [{ site: 'b', code: 'ERR_SITE_REVOKED' }],
    })
  })

  test('publishing moves to the next round with the new student as its base; the last one finishes', () => {
    const rounds = machine()
    for (const round of [1, 2, 3]) {
      rounds.tick(0, ['a', 'b'])
      expect(rounds.state()).toMatchObject({ phase: 'collecting', round })
      rounds.accept('a')
      rounds.accept('b')
      rounds.tick(1, ['a', 'b'])
      rounds.publish()
    }
    expect(rounds.state()).toMatchObject({
      phase: 'finished',
      round: 3,
      student: HASH('1'),
      previous: HASH('2'),
    })
    expect(rounds.tick(2, ['a', 'b'])).toEqual([])
  })
})

describe('too few updates', () => {
  test('the same round is opened again with new nonces, and what was delivered still counts', () => {
    const rounds = machine(tinyStudy({ quorum: 2 }))
    rounds.tick(0, ['a', 'b'])
    const first = rounds.state().current?.offers.get('b')
    rounds.accept('a')
    expect(rounds.tick(DEADLINE_MS, ['a', 'b'])).toEqual(['round.closed'])
    expect(rounds.state()).toMatchObject({ phase: 'waiting', round: 1, attempt: 2 })
    expect(rounds.tick(DEADLINE_MS, ['a', 'b'])).toEqual(['round.opened'])
    expect([...(rounds.state().current?.offers.keys() ?? [])]).toEqual(['b'])
    expect(rounds.state().current?.offers.get('b')).not.toBe(first)
    expect(() => rounds.accept('a')).toThrow(expect.objectContaining({ code: 'ERR_UPDATE_DUPLICATE' }))
    rounds.accept('b')
    rounds.tick(DEADLINE_MS + 1, [])
    expect(rounds.log.at(-1)).toMatchObject({ outcome: 'publish', contributors: ['a', 'b'] })
  })

  test('what a site delivered to an earlier attempt does not count once it is revoked', () => {
    const rounds = machine(tinyStudy({ quorum: 2 }))
    rounds.tick(0, ['a', 'b'])
    rounds.accept('a')
    rounds.tick(DEADLINE_MS, [])
    rounds.revoke('a')
    expect(rounds.tick(DEADLINE_MS, ['b'])).toEqual([])
    expect(rounds.tick(DEADLINE_MS, ['b', 'c'])).toEqual(['round.opened'])
  })

  test('after the last attempt the study stops, and goes on when the operator starts it again', () => {
    const rounds = machine()
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      rounds.tick(0, ['a', 'b'])
      rounds.tick(DEADLINE_MS, [])
    }
    expect(rounds.state()).toMatchObject({ phase: 'stopped', round: 1 })
    expect(rounds.tick(DEADLINE_MS, ['a', 'b'])).toEqual([])
    rounds.give({ type: 'resume', nowMs: 0 })
    expect(rounds.tick(0, ['a', 'b'])).toEqual(['round.opened'])
    expect(rounds.state().attempt).toBe(MAX_ATTEMPTS + 1)
  })
})

describe('answers that come too late, uninvited or twice', () => {
  test.each([
    ['twice', { site: 'a' }, 'ERR_UPDATE_DUPLICATE'],
    ['of a round to come', { site: 'b', round: 2 }, 'ERR_ROUND_WRONG'],
    ['of an attempt to come', { site: 'b', attempt: 2 }, 'ERR_ROUND_WRONG'],
    ['uninvited', { site: 'c' }, 'ERR_ROUND_NOT_OFFERED'],
  ])('%s', (_, { site, ...changes }, code) => {
    const rounds = machine()
    rounds.tick(0, ['a', 'b'])
    rounds.accept('a')
    expect(() => rounds.accept(site, changes)).toThrow(expect.objectContaining({ code }))
  })

  test('after the close, and after having declined', () => {
    const rounds = machine()
    expect(() => rounds.accept('a')).toThrow(expect.objectContaining({ code: 'ERR_ROUND_CLOSED' }))
    rounds.tick(0, ['a', 'b'])
    rounds.decline('a')
    expect(() => rounds.accept('a')).toThrow(expect.objectContaining({ code: 'ERR_ROUND_CLOSED' }))
  })

  test('an event that cannot follow is ERR_STORE_CORRUPT', () => {
    const made = { student: HASH('1'), record: 'record', recordSha256: HASH('2') }
    const event = { type: 'round.published', study: 'tiny', round: 1, attempt: 1, ...made } as const
    expect(() => evolve(initialRounds(tinyStudy(), HASH('0')), event)).toThrow(
      expect.objectContaining({ code: 'ERR_STORE_CORRUPT' }),
    )
  })
})
