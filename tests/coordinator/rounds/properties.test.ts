import {
  contributors,
  evolve,
  initialRounds,
  keptRounds,
  participation,
  type RoundsState,
} from '@tessera/coordinator/rounds'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HASH } from '../../support/signed-parts.ts'
import { DEADLINE_MS, machine, SITES, tinyStudy } from './machine.ts'

/** Anything that can happen to a machine, in any order, with what moves it on more often; what it refuses leaves no event. */
const site = fc.constantFrom(...SITES)
const doing = (weight: number, ...actions: string[]) => ({
  weight,
  arbitrary: fc.record({ do: fc.constantFrom(...actions), site, wait: fc.constant(0) }),
})
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ do: fc.constant('tick'), site, wait: fc.constantFrom(0, 0, 1, 40, 60, 100) }),
  },
  doing(12, 'accept'),
  doing(2, 'late'),
  doing(6, 'sign'),
  doing(6, 'publish', 'decline', 'resume'),
  doing(2, 'revoke', 'restart', 'pause', 'unpause', 'unpause'),
)
const present = fc.subarray([...SITES], { minLength: 1 })
const history = fc.array(fc.tuple(step, present), { minLength: 30, maxLength: 150, size: 'max' })
const policy = fc.constantFrom(
  {},
  { graceMs: 30, minSamples: 3 },
  { late: { maxStaleness: 2 }, stretch: 2 },
  { late: { maxStaleness: 1 }, cohort: { size: 2, overSelect: 1 } },
)
const play = fc.tuple(history, policy).map(([steps, federation]) => run(steps, federation))

function run(steps: readonly [{ do: string; site: string; wait: number }, string[]][], federation: object) {
  const study = tinyStudy({ quorum: 2, stretch: 3, ...federation })
  const rounds = machine(study)
  const states: { state: RoundsState; events: number }[] = []
  const signs = new Map<string, number>()
  let nowMs = 0
  const late = (site: string): void => {
    const past = rounds.state().history.findLast(({ offers }) => offers.has(site))
    if (past) rounds.accept(site, { round: past.round, attempt: past.attempt, receivedAtMs: nowMs })
  }
  const act: Record<string, (site: string, present: string[]) => void> = {
    tick: (_, present) => void rounds.tick(nowMs, present, signs),
    accept: (site) => rounds.accept(site, { receivedAtMs: nowMs }),
    late,
    sign: (site) => void signs.set(site, nowMs),
    publish: () => void rounds.publish(),
    decline: (site) => void rounds.decline(site),
    resume: () => void rounds.give({ type: 'resume', nowMs }),
    revoke: (site) => rounds.revoke(site),
    restart() {
      rounds.restart()
      signs.clear()
    },
    pause: () => rounds.say('study.paused'),
    unpause: () => rounds.say('study.unpaused'),
  }
  for (const [{ do: action, site, wait }, present] of steps) {
    nowMs += wait
    try {
      act[action]?.(site, present)
    } catch {
      // Refused: the next step finds the state as it was.
    }
    states.push({ state: rounds.state(), events: rounds.log.length })
  }
  return { rounds, states, study, signs, nowMs }
}

describe('whatever happens', () => {
  test('replaying the log gives the same state', () => {
    fc.assert(
      fc.property(play, ({ rounds, study }) => {
        expect(rounds.log.reduce(evolve, initialRounds(study, HASH('0')))).toEqual(rounds.state())
      }),
    )
  })

  test('no site counts twice in a round, unless its first update was lost to a revocation', () => {
    fc.assert(
      fc.property(play, ({ rounds }) => {
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

  test('what has a receipt counts in exactly one published round, or still will, unless its site was revoked', () => {
    fc.assert(
      fc.property(play, ({ rounds }) => {
        const { current, carried } = rounds.state()
        const ended = rounds.ended()
        const open = current === null ? carried : current.accepted
        const revoked = new Set(
          rounds.log.flatMap((event) => (event.type === 'site.revoked' ? [event.site] : [])),
        )
        for (const event of rounds.log) {
          if (event.type !== 'update.accepted' || revoked.has(event.site)) continue
          const { site, round, attempt } = event
          // No site has two updates that count in one attempt.
          const isIn = (updates: ReadonlyMap<string, { round: number; attempt: number }>): boolean =>
            updates.get(site)?.round === round && updates.get(site)?.attempt === attempt
          const published = ended.filter(
            ({ accepted, end }) =>
              isIn(accepted) && end?.student !== null && end?.contributors.includes(site),
          )
          expect(published.length + (isIn(open) ? 1 : 0)).toBe(1)
        }
      }),
    )
  })

  test('no offer is answered twice, and nobody counts that was not offered what it answers', () => {
    fc.assert(
      fc.property(play, ({ rounds }) => {
        const answered = new Set<string>()
        const offered = new Set<string>()
        for (const event of rounds.log) {
          if (event.type === 'round.opened') {
            for (const { site } of event.offers) offered.add(`${site} ${event.round}.${event.attempt}`)
          }
          if (event.type !== 'update.accepted') continue
          const { round, attempt } = event.late ?? event
          expect(offered).toContain(`${event.site} ${round}.${attempt}`)
          expect(answered).not.toContain(`${event.site} ${round}.${attempt}`)
          answered.add(`${event.site} ${round}.${attempt}`)
        }
      }),
      // Among them: a late update, its site revoked before the next round opens, and the same update again.
      { numRuns: 300 },
    )
  })

  test('a round ends with those who delivered, and names everyone else it was offered to', () => {
    fc.assert(
      fc.property(play, ({ rounds }) => {
        for (const round of rounds.ended()) {
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
      fc.property(play, ({ rounds, states }) => {
        const ended = rounds.ended()
        const last = (round: number, attempt: number) =>
          ended.find((one) => one.round === round && one.attempt === attempt)
        for (const { state } of states) {
          for (const past of state.history) expect(last(past.round, past.attempt)).toEqual(past)
        }
      }),
    )
  })

  test('the state holds the latest rounds and no others, and of all of them the hash of their record', () => {
    fc.assert(
      fc.property(play, ({ rounds }) => {
        const { history, records, policy, round, current } = rounds.state()
        // The one that is being published is not in it yet.
        const ended = rounds.ended().slice(0, current?.end ? -1 : undefined)
        expect(history).toEqual(ended.filter((past) => past.round >= round - keptRounds(policy)))
        expect(records).toHaveLength(ended.filter(({ end }) => end?.record).length)
      }),
    )
  })

  test('no nonce is offered twice, and no published round lacks its quorum or its samples', () => {
    fc.assert(
      fc.property(play, ({ rounds, study }) => {
        const nonces = rounds.log.flatMap((event) =>
          event.type === 'round.opened' ? event.offers.map(({ nonce }) => nonce) : [],
        )
        expect(new Set(nonces).size).toBe(nonces.length)
        for (const event of rounds.log) {
          if (event.type !== 'round.closed') continue
          // Every update of these histories has one sample.
          const need = Math.max(study.federation.quorum, study.federation.minSamples)
          expect(event.outcome === 'publish').toBe(event.contributors.length >= need)
        }
      }),
    )
  })

  test('an open round ends by its limit, however much progress its sites show', () => {
    fc.assert(
      fc.property(play, ({ rounds, study, nowMs }) => {
        const { current, phase } = rounds.state()
        if (phase !== 'collecting' || current === null) return
        const endMs = Math.max(nowMs, current.openedAtMs + study.federation.stretch * DEADLINE_MS)
        rounds.tick(endMs, [], new Map(SITES.map((site) => [site, endMs])))
        expect(rounds.state().phase).not.toBe('collecting')
      }),
    )
  })

  test('deadlines that move are at most two events in the time of one, whatever the signs', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 200, maxLength: 200 })
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 8 }), (gaps, stretch) => {
        const rounds = machine(tinyStudy({ stretch }))
        rounds.tick(0, ['a', 'b'])
        let nowMs = 0
        for (const [i, gap] of gaps.entries()) {
          nowMs += gap
          while (rounds.tick(nowMs, [], new Map([[i % 2 === 0 ? 'a' : 'b', nowMs]])).length > 0);
          if (rounds.state().phase !== 'collecting') break
        }
        const moves = rounds.log.filter(({ type }) => type === 'deadline.moved')
        expect(moves.length).toBeLessThanOrEqual(2 * stretch + 1)
      }),
    )
  })

  test('the report of a round is the same at any later time, and knows who is left out', () => {
    fc.assert(
      fc.property(play, ({ rounds, states }) => {
        if (rounds.log.some(({ type }) => type === 'site.revoked')) return
        const last = rounds.report()
        for (const { state, events } of states) {
          const seen = participation(rounds.ended(events), state)
          expect(last.slice(0, seen.length)).toEqual(seen)
        }
        const sites = last.at(-1)?.sites ?? []
        expect(
          new Map(
            sites
              .filter(({ site }) => rounds.state().leftOut.has(site))
              .map((one) => [one.site, one.leftOut]),
          ),
        ).toEqual(rounds.state().leftOut)
      }),
    )
  })

  test('the histories tried open, close, publish, retry, move, revoke, pause and late updates', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(play, ({ rounds }) => {
        for (const event of rounds.log) {
          if (event.type === 'round.closed') seen.add(`closed to ${event.outcome}`)
          else if (event.type === 'update.accepted' && event.late) seen.add('late update')
          else seen.add(event.type)
        }
      }),
      // Fixed, so that this test of the tests does not depend on luck.
      { seed: 1 },
    )
    expect([...seen].toSorted()).toEqual([
      'closed to publish',
      'closed to retry',
      'deadline.moved',
      'late update',
      'round.declined',
      'round.opened',
      'round.published',
      'site.revoked',
      'study.paused',
      'study.unpaused',
      'update.accepted',
    ])
  })
})
