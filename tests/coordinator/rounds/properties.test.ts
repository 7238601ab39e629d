import { contributors, evolve, initialRounds, type RoundsState } from '@tessera/coordinator/rounds'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HASH } from '../../support/signed-parts.ts'
import { machine, SITES, tinyStudy } from './machine.ts'

/** Anything that can happen to a machine, in any order, with what moves it on more often; what it refuses leaves no event. */
const site = fc.constantFrom(...SITES)
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('tick'), site, wait: fc.constantFrom(0, 0, 1, 40, 100) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('accept'), site, wait: fc.constant(0) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('publish', 'decline', 'resume'), site, wait: fc.constant(0) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('revoke'), site, wait: fc.constant(0) }) },
)
const present = fc.subarray([...SITES], { minLength: 1 })
const history = fc.array(fc.tuple(step, present), { minLength: 30, maxLength: 150, size: 'max' })

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

  test('no site counts twice in a round, unless its first update was lost to a revocation', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const { rounds } = play(steps)
        const counted = new Set<string>()
        let round = 0
        for (const event of rounds.log) {
          if (event.type === 'site.revoked') counted.delete(event.site)
          if (event.type !== 'update.accepted') continue
          if (event.round !== round) counted.clear()
          round = event.round
          expect(counted).not.toContain(event.site)
          counted.add(event.site)
        }
      }),
    )
  })

  test('a round ends with those who delivered, and names everyone else it was offered to', () => {
    fc.assert(
      fc.property(history, (steps) => {
        for (const round of play(steps).rounds.state().history) {
          const named = [
            ...(round.end?.contributors ?? []),
            ...(round.end?.absent ?? []).map(({ site }) => site),
          ]
          expect(round.end?.contributors).toEqual(contributors(round))
          expect(named.toSorted()).toEqual(
            [...new Set([...round.offers.keys(), ...round.accepted.keys()])].toSorted(),
          )
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

  test('the histories tried open, close, publish, retry and revoke', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(history, (steps) => {
        for (const event of play(steps).rounds.log) {
          seen.add(event.type === 'round.closed' ? `closed to ${event.outcome}` : event.type)
        }
      }),
      // Fixed, so that this test of the tests does not depend on luck.
      { seed: 1 },
    )
    expect([...seen].toSorted()).toEqual([
      'closed to publish',
      'closed to retry',
      'round.declined',
      'round.opened',
      'round.published',
      'site.revoked',
      'update.accepted',
    ])
  })
})
