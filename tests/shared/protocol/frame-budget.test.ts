import { BURST_FRAMES, FRAMES_PER_SECOND } from '@tessera/shared/protocol'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFrameBudget } from '../../../shared/protocol/frame-budget.ts'
import { fakeClock } from '../../support/fake-clock.ts'

/** Takes until it is refused; gives how many it took. */
function takeAll(spend: () => void, most = 2 * BURST_FRAMES): number {
  for (let taken = 0; taken < most; taken++) {
    try {
      spend()
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'ERR_RATE_LIMIT' })
      return taken
    }
  }
  return most
}

describe('createFrameBudget()', () => {
  test('has a burst at once, then so many a second, and never saves up more than a burst', () => {
    const clock = fakeClock()
    const spend = createFrameBudget(clock)
    expect(takeAll(spend)).toBe(BURST_FRAMES)
    clock.advance(1000)
    expect(takeAll(spend)).toBe(FRAMES_PER_SECOND)
    clock.advance(3_600_000)
    expect(takeAll(spend)).toBe(BURST_FRAMES)
  })

  test('gives no more than burst and rate together, however the time is cut', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 20 })
    fc.assert(
      fc.property(steps, (waitsMs) => {
        const clock = fakeClock()
        const spend = createFrameBudget(clock)
        let taken = takeAll(spend)
        for (const waitMs of waitsMs) {
          clock.advance(waitMs)
          taken += takeAll(spend)
        }
        const passedMs = waitsMs.reduce((sum, ms) => sum + ms, 0)
        expect(taken).toBeLessThanOrEqual(BURST_FRAMES + (passedMs / 1000) * FRAMES_PER_SECOND)
      }),
      { numRuns: 30 },
    )
  })

  test('a date that is set moves nothing', () => {
    const clock = fakeClock()
    const spend = createFrameBudget(clock)
    takeAll(spend)
    clock.jump(86_400_000)
    expect(takeAll(spend)).toBe(0)
  })
})
