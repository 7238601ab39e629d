import { systemClock } from '@tessera/shared/clock'
import { describe, expect, test, vi } from 'vitest'
import { fakeClock } from '../support/fake-clock.ts'

describe('systemClock', () => {
  test('runs a task, and not one that was taken back', async () => {
    const taken = vi.fn()
    await new Promise<void>((resolve) => {
      systemClock.schedule(taken, 0)()
      systemClock.schedule(resolve, 1)
    })
    expect(taken).not.toHaveBeenCalled()
  })
  test('tells milliseconds since 1970', () => {
    expect(systemClock.now()).toBeGreaterThan(Date.UTC(2025, 0))
  })
})

describe('fakeClock()', () => {
  test('runs tasks in order of their times, also those that a task adds', () => {
    const clock = fakeClock(100)
    const seen: [string, number][] = []
    const note = (name: string) => () => seen.push([name, clock.now()])
    clock.schedule(note('late'), 50)
    clock.schedule(() => clock.schedule(note('added'), 5), 10)
    clock.schedule(note('never'), 20)()
    clock.advance(49)
    clock.advance(1)
    expect(seen).toEqual([
      ['added', 115],
      ['late', 150],
    ])
    expect(clock.pending()).toBe(0)
    expect(clock.now()).toBe(150)
  })
})
