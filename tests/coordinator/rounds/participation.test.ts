import { alarms } from '@tessera/coordinator/rounds'
import { describe, expect, test } from 'vitest'
import { DEADLINE_MS, machine, tinyStudy } from './machine.ts'

/** A round of those present in which `delivering` answer, published. */
function round(rounds: ReturnType<typeof machine>, present: string[], delivering: string[]): void {
  rounds.tick(0, present)
  for (const [i, site] of delivering.entries()) rounds.accept(site, { samples: i + 1, receivedAtMs: 10 * i })
  rounds.tick(DEADLINE_MS, present)
  rounds.publish()
}

describe('participation()', () => {
  test('says who, how much, how late and why not', () => {
    const rounds = machine()
    rounds.tick(0, ['a', 'b', 'c'])
    rounds.accept('a', { samples: 7, receivedAtMs: 30 })
    rounds.decline('b')
    rounds.tick(DEADLINE_MS, [])
    rounds.publish()
    round(rounds, ['a', 'b'], ['a', 'b'])
    const [first, second] = rounds.report()
    expect(first).toMatchObject({
      round: 1,
      attempt: 1,
      outcome: 'publish',
      samples: 7,
      closedAtMs: DEADLINE_MS,
    })
    const nothing = { samples: null, norm: null, afterMs: null, staleness: null }
    expect(first?.sites).toEqual([
      {
        site: 'a',
        part: 'contributed',
        samples: 7,
        norm: 1,
        afterMs: 30,
        staleness: 0,
        code: null,
        leftOut: 0,
      },
      { site: 'b', part: 'declined', ...nothing, code: 'ERR_DATA_FOLDER', leftOut: 1 },
      { site: 'c', part: 'absent', ...nothing, code: 'ERR_TIMED_OUT', leftOut: 1 },
    ])
    expect(second?.sites.map(({ site, part, leftOut }) => [site, part, leftOut])).toEqual([
      ['a', 'contributed', 0],
      ['b', 'contributed', 0],
      ['c', 'away', 2],
    ])
  })

  test('has an attempt without a quorum, which leaves nobody out yet, and a late update', () => {
    const rounds = machine(tinyStudy({ quorum: 2, late: { maxStaleness: 2 } }))
    rounds.tick(0, ['a', 'b'])
    rounds.accept('a')
    rounds.tick(DEADLINE_MS, [])
    round(rounds, ['c', 'b'], ['c'])
    rounds.tick(200, ['a', 'b', 'c'])
    rounds.accept('b', { round: 1, attempt: 2, receivedAtMs: 250 })
    rounds.accept('a', { receivedAtMs: 210 })
    rounds.tick(300, [])
    const seen = rounds
      .report()
      .map(({ round, attempt, outcome, sites }) => [
        `${round}.${attempt} ${outcome}`,
        ...sites.map(({ site, part, leftOut, staleness }) => `${site} ${part} ${leftOut} ${staleness}`),
      ])
    expect(seen).toEqual([
      ['1.1 retry', 'a contributed 0 0', 'b absent 0 null'],
      ['1.2 publish', 'a contributed 0 0', 'b absent 1 null', 'c contributed 0 0'],
      ['2.1 publish', 'a contributed 0 0', 'b contributed 0 1', 'c absent 1 null'],
    ])
  })
})

describe('alarms()', () => {
  test('names a site that is left out so many rounds running, however that came, and not one that was not drawn', () => {
    const study = tinyStudy({ alarmAfter: 2, cohort: { size: 1 }, minSites: 1 })
    const rounds = machine({ ...study, training: { ...study.training, rounds: 9 } })
    const present = ['a', 'b']
    rounds.tick(0, ['c'])
    rounds.decline('c')
    rounds.tick(0, [])
    for (let round = 0; round < 4; round++) {
      rounds.tick(1, present) // one of the two is drawn
      for (const site of rounds.state().current?.offers.keys() ?? []) rounds.accept(site)
      rounds.tick(2, present)
      rounds.publish()
    }
    expect(alarms(rounds.state())).toEqual([{ site: 'c', rounds: 4 }])
  })

  test('ends with the next contribution, and with a revocation', () => {
    const rounds = machine(tinyStudy({ alarmAfter: 1, minSites: 1 }))
    round(rounds, ['a', 'b', 'c'], ['a'])
    expect(alarms(rounds.state()).map(({ site }) => site)).toEqual(['b', 'c'])
    rounds.revoke('c')
    round(rounds, ['a', 'b'], ['a', 'b'])
    expect(alarms(rounds.state())).toEqual([])
  })
})
