import { describe, expect, test } from 'vitest'
import { createPast, type Past } from '../../../coordinator/dashboard/past.ts'
import { DEADLINE_MS, machine, tinyStudy } from '../rounds/machine.ts'

function pastOf({ log }: ReturnType<typeof machine>): Past {
  const past = createPast('tiny')
  for (const event of log) past.note(event)
  return past
}

describe('createPast()', () => {
  test('has a row for each published round, of what counts', () => {
    const rounds = machine()
    rounds.tick(1000, ['a', 'b', 'c'])
    rounds.accept('a', { samples: 30 })
    rounds.accept('b', { samples: 10 })
    rounds.tick(1000 + DEADLINE_MS, [])
    rounds.publish()
    const past = pastOf(rounds)
    expect(past.history()).toEqual({
      study: 'tiny',
      every: 1,
      rounds: [
        {
          round: 1,
          attempts: 1,
          closedAtMs: 1000 + DEADLINE_MS,
          wallMs: DEADLINE_MS,
          offered: 3,
          contributors: 2,
          samples: 40,
          loss: 1,
          norm: 1,
          bytes: 8,
        },
      ],
    })
    expect([past.published(), past.loss(), past.bytesUp()]).toEqual([1, 1, 8])
    expect(past.last('a')).toEqual({ round: 1, samples: 30, share: 0.75, norm: 1, loss: 1 })
    expect(past.last('c')).toBeNull()
    expect(past.site('c').loss).toEqual([null])
  })

  test('counts an update of an attempt without a quorum in the round that it counts in', () => {
    const rounds = machine(tinyStudy({ quorum: 2 }))
    rounds.tick(0, ['a', 'b'])
    rounds.accept('a')
    rounds.tick(DEADLINE_MS, [])
    rounds.tick(DEADLINE_MS, ['a', 'b'])
    rounds.accept('b')
    rounds.tick(DEADLINE_MS, [])
    rounds.publish()
    expect(pastOf(rounds).history().rounds).toMatchObject([{ round: 1, attempts: 2, contributors: 2 }])
  })

  test('an update of a site that was revoked meanwhile does not count', () => {
    const rounds = machine()
    rounds.tick(0, ['a', 'b'])
    rounds.accept('a')
    rounds.accept('b')
    rounds.revoke('b')
    rounds.tick(DEADLINE_MS, [])
    rounds.publish()
    const past = pastOf(rounds)
    expect([past.history().rounds[0]?.contributors, past.last('b')]).toEqual([1, null])
  })
})
