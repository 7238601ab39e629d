import { hasPublished, keptRounds, lastRecord, lateRound } from '@tessera/coordinator/rounds'
import { describe, expect, test } from 'vitest'
import { HASH } from '../../support/signed-parts.ts'
import { DEADLINE_MS, machine, tinyStudy } from './machine.ts'

const ROUNDS = 30

/** A machine after so many published rounds of two sites, in which only `a` delivers. */
function after(rounds: number, federation: object = {}): ReturnType<typeof machine> {
  const made = machine({ ...tinyStudy(federation), training: { ...tinyStudy().training, rounds: ROUNDS } })
  for (let round = 0; round < rounds; round++) {
    made.tick(0, ['a', 'b'])
    made.accept('a')
    made.tick(DEADLINE_MS, [])
    made.publish()
  }
  return made
}

describe('the history in the state', () => {
  test.each([
    ['the three rounds that error feedback outlives', { guards: { adaptiveNorm: 'off' } }, 3],
    ['the rounds whose norms the guard looks at', { guards: { adaptiveNorm: { rounds: 7 } } }, 7],
    ['the rounds that a late update may be of', { late: { maxStaleness: 9 } }, 9],
  ])('is of %s, however long the study', (_, federation, kept) => {
    const state = after(20, federation).state()
    expect(keptRounds(state.policy)).toBe(kept)
    expect(state.history.map(({ round }) => round)).toEqual(
      Array.from({ length: kept }, (_, i) => 21 - kept + i),
    )
  })

  test('holds no manifests', () => {
    const [past] = after(1).state().history
    expect(past?.accepted.get('a')).toMatchObject({ site: 'a', norm: 1, manifestSha256: HASH('4') })
    expect(past?.accepted.get('a')).not.toHaveProperty('manifest')
  })

  test('a late update finds its round up to maxStaleness rounds later, and not beyond', () => {
    const { policy, ...state } = after(20, { late: { maxStaleness: 9 } }).state()
    const found = (round: number) => lateRound({ policy, ...state }, { site: 'b', round, attempt: 1 })?.round
    expect([found(12), found(11)]).toEqual([12, undefined])
  })

  test('any record that was ever published is known by its hash, and the last one in full', () => {
    const state = after(20).state()
    expect([1, 20].map((round) => hasPublished(state, round, HASH('2')))).toEqual([true, true])
    expect(hasPublished(state, 1, HASH('3'))).toBe(false)
    expect(hasPublished(state, 21, HASH('2'))).toBe(false)
    expect(lastRecord(state)).toBe('record')
  })
})

describe('replayHistory()', () => {
  test('gives every attempt that has ended, and the one that is being published', () => {
    const rounds = after(20)
    rounds.tick(0, ['a', 'b'])
    rounds.tick(DEADLINE_MS, [])
    rounds.tick(0, ['a', 'b'])
    rounds.accept('a')
    rounds.tick(DEADLINE_MS, [])
    expect(rounds.ended().map(({ round, attempt, end }) => [round, attempt, end?.outcome])).toEqual([
      ...Array.from({ length: 20 }, (_, i) => [i + 1, 1, 'publish']),
      [21, 1, 'retry'],
      [21, 2, 'publish'],
    ])
    expect(rounds.ended().at(-1)?.end?.student).toBeNull()
  })
})
