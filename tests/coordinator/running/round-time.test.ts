import { initialRounds, type Round } from '@tessera/coordinator/rounds'
import { describe, expect, test } from 'vitest'
import { createRoundTime } from '../../../coordinator/running/round-time.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { HASH } from '../../support/signed-parts.ts'
import { tinyStudy } from '../rounds/machine.ts'

const HOUR_MS = 3600 * 1000
const DAY_MS = 24 * HOUR_MS
const OPENED_MS = 1_800_000_000_000
const { policy } = initialRounds(tinyStudy({ deadlineMs: HOUR_MS, stretch: 1 }), HASH('0'))

/** A round of an hour that site `a` has not answered. */
const ROUND: Round = {
  round: 1,
  attempt: 1,
  base: HASH('0'),
  openedAtMs: OPENED_MS,
  deadlineMs: OPENED_MS + HOUR_MS,
  deadlines: new Map([['a', OPENED_MS + HOUR_MS]]),
  offers: new Map([['a', 'nonce']]),
  notDrawn: [],
  accepted: new Map(),
  excused: new Map(),
  called: false,
  end: null,
}

/** Milliseconds until the round's deadline after a restart at `nowMs`. */
function leftAt(nowMs: number, graceful = policy): number {
  const time = createRoundTime(fakeClock(nowMs))
  time.goOn(graceful, ROUND)
  return ROUND.deadlineMs - time.now()
}

describe('createRoundTime()', () => {
  test('is the date while no round is open', () => {
    const clock = fakeClock()
    const time = createRoundTime(clock)
    clock.jump(DAY_MS)
    expect(time.now()).toBe(clock.now())
  })

  test.each([DAY_MS, -DAY_MS])(
    'a date that jumps by %d ms does not touch an open round, and dates the next',
    (jumpMs) => {
      const clock = fakeClock(OPENED_MS)
      const time = createRoundTime(clock)
      time.begin(OPENED_MS)
      clock.advance(10)
      clock.jump(jumpMs)
      clock.advance(10)
      expect(time.now()).toBe(OPENED_MS + 20)
      time.end()
      expect(time.now()).toBe(OPENED_MS + 20 + jumpMs)
    },
  )

  test('after a restart a round has what is left of it', () => {
    expect(leftAt(OPENED_MS + HOUR_MS / 2)).toBe(HOUR_MS / 2)
  })

  test('after a restart it has at least two minutes, however long nobody ran it or wherever the date has gone', () => {
    expect(leftAt(OPENED_MS + HOUR_MS - 1)).toBe(120_000)
    expect(leftAt(OPENED_MS + DAY_MS)).toBe(120_000)
  })

  test('after a restart with a date of long ago it has no more than it had', () => {
    expect(leftAt(OPENED_MS - DAY_MS)).toBe(HOUR_MS)
  })

  test('a short grace is not made longer than it is', () => {
    const update = { samples: 1, receivedAtMs: OPENED_MS + 1000, site: 'b' }
    const round = { ...ROUND, accepted: new Map([['b', update]]) } as unknown as Round
    const time = createRoundTime(fakeClock(OPENED_MS + DAY_MS))
    time.goOn({ ...policy, graceMs: 500 }, round)
    expect(OPENED_MS + 1500 - time.now()).toBe(500)
  })
})
