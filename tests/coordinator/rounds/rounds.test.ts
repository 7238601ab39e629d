import {
  type Command,
  contributors,
  decide,
  evolve,
  initialRounds,
  MAX_ATTEMPTS,
  type RoundEvent,
  type RoundsState,
} from '@tessera/coordinator/rounds'
import { type Study, study as studySchema } from '@tessera/shared/protocol'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HASH } from '../../support/signed-parts.ts'
import { TINY_STUDY } from '../raw-site.ts'

const SITES = ['a', 'b', 'c', 'd']
const DEADLINE_MS = 100

function tinyStudy(federation: object = {}): Study {
  const settings = { minSites: 2, quorum: 1, deadlineMs: DEADLINE_MS, ...federation }
  return studySchema.parse({ ...TINY_STUDY, training: { rounds: 3 }, federation: settings })
}

/** A machine with its log: what the running coordinator does, without files. */
function machine(study: Study = tinyStudy()) {
  const log: RoundEvent[] = []
  let state = initialRounds(study, HASH('0'))
  let nonces = 0
  const give = (command: Command): RoundEvent[] => {
    const events = decide(state, command)
    for (const event of events) {
      state = evolve(state, event)
      log.push(event)
    }
    return events
  }
  return {
    log,
    state: () => state,
    give,
    tick(nowMs: number, present: readonly string[]): string[] {
      const nonce = (): string => `nonce-${String(nonces++).padStart(16, '0')}`
      return give({ type: 'tick', nowMs, present, nonce }).map(({ type }) => type)
    },
    accept(site: string, changes: { round?: number; attempt?: number; samples?: number } = {}): void {
      const { round, attempt } = state
      give({ type: 'accept', update: { ...anUpdate(site), round, attempt, ...changes } })
    },
    decline: (site: string, round = state.round) =>
      give({ type: 'decline', site, round, code: 'ERR_DATA_FOLDER', nowMs: 0 }),
    publish: () => give({ type: 'publish', student: HASH('1'), record: 'record', recordSha256: HASH('2') }),
    revoke(site: string): void {
      const event = { type: 'site.revoked', site, atMs: 0 } as const
      state = evolve(state, event)
      log.push(event)
    },
  }
}

function anUpdate(site: string) {
  return {
    site,
    round: 1,
    attempt: 1,
    samples: 1,
    loss: 1,
    payload: HASH('3'),
    bytes: 4,
    norm: 1,
    manifest: 'token',
    manifestSha256: HASH('4'),
    receivedAtMs: 1,
  }
}

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
    const rounds = machine()
    expect(() => rounds.publish()).toThrow(expect.objectContaining({ code: 'ERR_STORE_CORRUPT' }))
  })
})

/** Anything that can happen to a machine, in any order; what it refuses leaves no event. */
const step = fc.oneof(
  fc.record({ do: fc.constant('tick'), site: fc.constant(''), wait: fc.integer({ min: 0, max: 60 }) }),
  fc.record({
    do: fc.constantFrom('accept', 'accept', 'decline', 'publish', 'revoke', 'resume'),
    site: fc.constantFrom(...SITES),
    wait: fc.constant(0),
  }),
)
const history = fc.array(fc.tuple(step, fc.subarray(SITES)), { maxLength: 80 })

function play(steps: readonly [{ do: string; site: string; wait: number }, string[]][]) {
  const rounds = machine(tinyStudy({ quorum: 2 }))
  const states: RoundsState[] = []
  let nowMs = 0
  for (const [{ do: action, site, wait }, present] of steps) {
    nowMs += wait
    try {
      if (action === 'tick') rounds.tick(nowMs, present)
      else if (action === 'accept') rounds.accept(site)
      else if (action === 'decline') rounds.decline(site)
      else if (action === 'publish') rounds.publish()
      else if (action === 'revoke') rounds.revoke(site)
      else rounds.give({ type: 'resume', nowMs })
    } catch {
      // Refused: the next step finds the state as it was.
    }
    states.push(rounds.state())
  }
  return { rounds, states }
}

describe('whatever happens', () => {
  test('replaying the log gives the same state', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const { rounds } = play(steps)
        const replayed = rounds.log.reduce(evolve, initialRounds(tinyStudy({ quorum: 2 }), HASH('0')))
        expect(replayed).toEqual(rounds.state())
      }),
    )
  })

  test('no site counts twice in a round, and none that was not offered it', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const { rounds } = play(steps)
        const counted = rounds.log.flatMap((event) =>
          event.type === 'update.accepted' ? [`${event.round} ${event.site}`] : [],
        )
        expect(new Set(counted).size).toBe(counted.length)
        for (const round of rounds.state().history) {
          expect(round.end?.contributors).toEqual(contributors(round))
        }
      }),
    )
  })

  test('a round that has ended never changes', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const { rounds, states } = play(steps)
        for (const { history } of states) {
          expect(rounds.state().history.slice(0, history.length)).toEqual(history)
        }
      }),
    )
  })

  test('no nonce is offered twice, and no published round lacks its quorum', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const { rounds } = play(steps)
        const nonces = rounds.log.flatMap((event) =>
          event.type === 'round.opened' ? event.offers.map(({ nonce }) => nonce) : [],
        )
        expect(new Set(nonces).size).toBe(nonces.length)
        for (const event of rounds.log) {
          if (event.type !== 'round.closed') continue
          expect(event.outcome === 'publish').toBe(event.contributors.length >= 2)
        }
      }),
    )
  })
})
