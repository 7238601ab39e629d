import { bestStudent, evolve, initialRounds, replayJudging } from '@tessera/coordinator/rounds'
import type { JudgedCounts } from '@tessera/shared/protocol'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HASH } from '../../support/signed-parts.ts'
import { machine, tinyStudy } from './machine.ts'

type Machine = ReturnType<typeof machine>

/** Ten tiles of each class, `right` of each called what they are: a score of right / 10. */
const counts = (right: number): JudgedCounts => [
  [right, 10 - right],
  [10 - right, right],
]
const judgedStudy = (judging: object = {}, training: object = {}) =>
  tinyStudy({}, { judging, training: { rounds: 20, ...training } })
const studentOf = (round: number): string => round.toString(16).padStart(64, '0')
/** Both sites train the round that opens next; it publishes a student of its own. */
const round = (rounds: Machine): void => {
  const { round } = rounds.state()
  rounds.tick(0, ['a', 'b'])
  rounds.accept('a')
  rounds.accept('b')
  rounds.tick(1, ['a', 'b'])
  rounds.publish(studentOf(round))
}
/** Rounds whose students get these scores, each judged by one site before the next round. */
const scored = (rounds: Machine, scores: readonly (number | null)[]): void => {
  for (const score of scores) {
    if (rounds.state().phase === 'finished') return
    round(rounds)
    if (score !== null) rounds.judge('a', counts(score))
  }
}
const code = (name: string) => expect.objectContaining({ code: name })

describe('what a site says of a student', () => {
  test('is an event of the log, and gone through again it gives the same state', () => {
    const rounds = machine(judgedStudy())
    round(rounds)
    expect(rounds.judge('a', counts(9))).toMatchObject([{ type: 'judgement.accepted', site: 'a', round: 1 }])
    const before = rounds.state()
    expect(rounds.restart()).toEqual(before)
  })
  test('said again it changes nothing; said otherwise it is refused', () => {
    const rounds = machine(judgedStudy())
    round(rounds)
    rounds.judge('a', counts(9))
    expect(rounds.judge('a', counts(9))).toEqual([])
    expect(() => rounds.judge('a', counts(8))).toThrow(code('ERR_JUDGEMENT_DUPLICATE'))
  })
  test('before there is a student, of an earlier round, of a later one or of another student it is refused', () => {
    const rounds = machine(judgedStudy())
    const closed = code('ERR_JUDGEMENT_CLOSED')
    expect(() => rounds.judge('a', counts(9), { round: 1 })).toThrow(closed)
    round(rounds)
    round(rounds)
    expect(() => rounds.judge('a', counts(9), { round: 1, student: studentOf(1) })).toThrow(closed)
    expect(() => rounds.judge('a', counts(9), { round: 3 })).toThrow(closed)
    expect(() => rounds.judge('a', counts(9), { student: studentOf(1) })).toThrow(closed)
    expect(rounds.judge('a', counts(9))).toHaveLength(1)
  })
  test('is taken while the next round is open, and no more once it is closed', () => {
    const rounds = machine(judgedStudy())
    round(rounds)
    rounds.tick(0, ['a', 'b'])
    rounds.judge('a', counts(9))
    rounds.accept('a')
    rounds.accept('b')
    rounds.tick(1, ['a', 'b'])
    expect(rounds.state().phase).toBe('closed')
    expect(() => rounds.judge('b', counts(9))).toThrow(code('ERR_JUDGEMENT_CLOSED'))
    expect([...(rounds.state().judging?.closed?.judgements.keys() ?? [])]).toEqual(['a'])
  })
  test('holds nothing up: a round opens, closes and publishes when nobody says a word', () => {
    const rounds = machine(judgedStudy({}, { rounds: 3 }))
    scored(rounds, [null, null, null])
    expect(rounds.state()).toMatchObject({ phase: 'finished', round: 3 })
    expect(bestStudent(rounds.state().judging)).toBeNull()
  })
  test('of every second student is asked with every: 2, and of the last in any case', () => {
    const rounds = machine(judgedStudy({ every: 2 }, { rounds: 3 }))
    round(rounds)
    expect(() => rounds.judge('a', counts(9))).toThrow(code('ERR_JUDGEMENT_CLOSED'))
    round(rounds)
    rounds.judge('a', counts(9))
    round(rounds)
    rounds.judge('a', counts(8))
    const judged = replayJudging(
      initialRounds(judgedStudy({ every: 2 }, { rounds: 3 }), HASH('0')),
      rounds.log,
    )
    expect(judged.map(({ round }) => round)).toEqual([2, 3])
  })
  test('in a study without judging, or one that is cancelled, is refused', () => {
    const rounds = machine()
    round(rounds)
    expect(() => rounds.judge('a', counts(9))).toThrow(code('ERR_JUDGEMENT_CLOSED'))
    const cancelled = machine(judgedStudy())
    round(cancelled)
    cancelled.say('study.cancelled')
    expect(() => cancelled.judge('a', counts(9))).toThrow(code('ERR_JUDGEMENT_CLOSED'))
  })
  test('a log that has it twice, or of another student, was not written by this machine', () => {
    const rounds = machine(judgedStudy())
    round(rounds)
    const [event] = rounds.judge('a', counts(9))
    if (event?.type !== 'judgement.accepted') throw new Error('a judgement must give its event')
    expect(() => evolve(rounds.state(), event)).toThrow(code('ERR_STORE_CORRUPT'))
    const other = { ...event, site: 'b', student: HASH('9') }
    expect(() => evolve(rounds.state(), other)).toThrow(code('ERR_STORE_CORRUPT'))
  })
  test('by a site that is revoked while the student is judged does not count', () => {
    const rounds = machine(judgedStudy())
    round(rounds)
    rounds.judge('a', counts(10))
    rounds.judge('b', counts(5))
    expect(bestStudent(rounds.state().judging)?.score).toBe(0.75)
    rounds.revoke('a')
    expect(bestStudent(rounds.state().judging)?.score).toBe(0.5)
  })
})

describe('the best student', () => {
  test('has the highest score of all counts together; of two that are equal it is the earlier', () => {
    const rounds = machine(judgedStudy())
    scored(rounds, [6, 9, 9, 7])
    expect(bestStudent(rounds.state().judging)).toEqual({ round: 2, student: studentOf(2), score: 0.9 })
  })
  test('may be the newest, before its judging is closed', () => {
    const rounds = machine(judgedStudy())
    scored(rounds, [6, 9])
    expect(bestStudent(rounds.state().judging)?.round).toBe(2)
  })
  test('goes by the metric of the study', () => {
    // Accurate on the many, wrong on the few.
    const lopsided: JudgedCounts = [
      [90, 0],
      [10, 0],
    ]
    const even: JudgedCounts = [
      [70, 20],
      [2, 8],
    ]
    const bestBy = (metric: string): number | undefined => {
      const rounds = machine(judgedStudy({ metric }))
      round(rounds)
      rounds.judge('a', lopsided)
      round(rounds)
      rounds.judge('a', even)
      return bestStudent(rounds.state().judging)?.round
    }
    expect([bestBy('accuracy'), bestBy('balancedAccuracy')]).toEqual([1, 2])
  })
  test('withheld counts say nothing, and are never taken for zeros', () => {
    const rounds = machine(judgedStudy())
    round(rounds)
    rounds.judge('a', counts(8))
    rounds.judge('b', null)
    expect(bestStudent(rounds.state().judging)?.score).toBe(0.8)
  })
})

describe('early stopping', () => {
  const patient = (patience: number, minDelta = 0) =>
    judgedStudy({}, { earlyStopping: { patience, minDelta } })

  test('ends the study with the round after the one in which patience ran out', () => {
    const rounds = machine(patient(2))
    // Best in round 2; 3 and 4 are no better; round 5 is on its way when that is known, and is the last.
    scored(rounds, [6, 9, 9, 8, 7, 10])
    expect(rounds.state()).toMatchObject({ phase: 'finished', round: 5 })
    expect(rounds.state().records).toHaveLength(5)
    expect(rounds.judge('b', counts(6))).toHaveLength(1)
  })
  test('less than minDelta is not better, but the best student is the best', () => {
    const rounds = machine(patient(2, 0.15))
    scored(rounds, [6, 7, 7, 7, 7])
    expect(rounds.state()).toMatchObject({ phase: 'finished', round: 4 })
    expect(bestStudent(rounds.state().judging)?.round).toBe(2)
  })
  test('a student that nobody has told counts of is not held against the study', () => {
    const rounds = machine(patient(2))
    scored(rounds, [6, null, null, null, 5, null, 5, null])
    expect(rounds.state()).toMatchObject({ phase: 'finished', round: 8 })
  })
  test('without it the study has all its rounds', () => {
    const rounds = machine(judgedStudy({}, { rounds: 6 }))
    scored(rounds, [9, 1, 1, 1, 1, 1])
    expect(rounds.state()).toMatchObject({ phase: 'finished', round: 6 })
  })
  test('whatever the scores: the log gives the same end again, and the study never ends while they get better', () => {
    const study = patient(3)
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(10)), { minLength: 20, maxLength: 20 }), (scores) => {
        const rounds = machine(study)
        scored(rounds, scores)
        const { phase, round, student } = rounds.state()
        expect(rounds.log.reduce(evolve, initialRounds(study, HASH('0')))).toMatchObject({
          phase,
          round,
          student,
        })
        // The rule again, without the machine: three in a row that do not exceed the highest before them.
        let [highest, stale, last] = [Number.NEGATIVE_INFINITY, 0, 20]
        for (const [i, score] of scores.entries()) {
          if (score === null) continue
          stale = score > highest ? 0 : stale + 1
          highest = Math.max(highest, score)
          if (stale < 3) continue
          last = Math.min(20, i + 2)
          break
        }
        expect(round).toBe(last)
      }),
      { numRuns: 50 },
    )
  })
})
