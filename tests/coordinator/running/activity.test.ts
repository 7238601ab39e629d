import { describe, expect, test } from 'vitest'
import { createActivity } from '../../../coordinator/running/activity.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const told = (step: number) => ({ step, steps: 10, loss: null, secondsLeft: null })

describe('createActivity()', () => {
  test('dates the first time of each step, and begins anew with the next attempt', () => {
    const clock = fakeClock(1000)
    const activity = createActivity(clock, 8)
    activity.joined('a', { agentVersion: '0.1.0', engine: 'wasm' })
    activity.fetched('a', 5)
    clock.advance(100)
    activity.fetched('a', 5)
    activity.trained('a', told(1))
    expect(activity.of('a')).toEqual({
      version: '0.1.0',
      engine: 'wasm',
      seenAtMs: 1100,
      imagesPerSecond: null,
      sinceMs: { fetching: 1000, training: 1100 },
      training: told(1),
      bytesDown: 10,
    })
    activity.opened()
    expect(activity.of('a')).toMatchObject({ engine: 'wasm', sinceMs: {}, training: null, bytesDown: 0 })
    expect([...activity.training()]).toEqual([])
    expect(activity.bytesDown()).toBe(10)
  })

  test('measures the speed over the attempt, and again from the start of an agent that has begun again', () => {
    const clock = fakeClock()
    const activity = createActivity(clock, 8)
    activity.trained('a', told(1))
    clock.advance(2000)
    activity.trained('a', told(5))
    expect(activity.of('a')?.imagesPerSecond).toBe(16)
    activity.trained('a', told(1))
    clock.advance(1000)
    activity.trained('a', told(2))
    expect(activity.of('a')?.imagesPerSecond).toBe(8)
  })
})
