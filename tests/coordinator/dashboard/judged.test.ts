import { bestStudent } from '@tessera/coordinator/rounds'
import { describe, expect, test } from 'vitest'
import { createJudged, type Judged } from '../../../coordinator/dashboard/judged.ts'
import { HASH } from '../../support/signed-parts.ts'
import { DEADLINE_MS, machine, tinyStudy } from '../rounds/machine.ts'

const STUDY = tinyStudy({}, { judging: {} })

/** A round of a and b, published as this student. */
function round(rounds: ReturnType<typeof machine>, student: string): void {
  rounds.tick(0, ['a', 'b'])
  rounds.accept('a')
  rounds.accept('b')
  rounds.tick(DEADLINE_MS, [])
  rounds.publish(student)
}
function judgedOf({ log }: ReturnType<typeof machine>): Judged {
  const judged = createJudged(STUDY)
  for (const event of log) judged.note(event)
  return judged
}

describe('createJudged()', () => {
  test('has the cross-site matrix, the classes with their intervals, and the student that the study itself calls the best', () => {
    const rounds = machine(STUDY)
    round(rounds, HASH('a'))
    rounds.judge('a', [
      [8, 2],
      [2, 8],
    ])
    rounds.judge('b', [[10, 0], null])
    round(rounds, HASH('b'))
    rounds.judge('a', [
      [5, 5],
      [5, 5],
    ])
    rounds.judge('b', null)
    const judged = judgedOf(rounds)
    const report = judged.report()
    expect(report.rounds.map(({ round, tiles, sites }) => [round, tiles, sites])).toEqual([
      [1, 30, { a: 0.8, b: 1 }],
      [2, 20, { a: 0.5, b: null }],
    ])
    expect(report.best).toMatchObject({
      round: 1,
      student: HASH('a'),
      counts: [
        [18, 2],
        [2, 8],
      ],
    })
    expect(report.best?.perClass[0]).toMatchObject({ name: 'benign', support: 20, recall: { value: 0.9 } })
    expect(report.newest?.sites[1]).toMatchObject({ site: 'b', withheld: 'policy', counts: null })
    expect(judged.best()).toMatchObject({ round: 1, score: bestStudent(rounds.state().judging)?.score })
    expect(judged.judgements()).toBe(4)
  })

  test('what a revoked site has said of the student that is judged now does not count, what it said before does', () => {
    const rounds = machine(STUDY)
    round(rounds, HASH('a'))
    rounds.judge('a', [
      [8, 2],
      [2, 8],
    ])
    round(rounds, HASH('b'))
    rounds.judge('a', [
      [10, 0],
      [0, 10],
    ])
    rounds.revoke('a')
    const { rounds: rows, best } = judgedOf(rounds).report()
    expect(rows.map(({ tiles }) => tiles)).toEqual([20, 0])
    expect(best?.round).toBe(bestStudent(rounds.state().judging)?.round)
  })

  test('of a study that judges nothing there is nothing', () => {
    expect(createJudged(tinyStudy()).report()).toMatchObject({ judging: null, rounds: [], best: null })
  })
})
