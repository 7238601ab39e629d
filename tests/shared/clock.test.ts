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
  test('tells time that has passed, whatever the machine thinks the date is', () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 0 })
    try {
      const before = systemClock.elapsed()
      vi.setSystemTime(24 * 3600 * 1000)
      expect(systemClock.now()).toBe(24 * 3600 * 1000)
      expect(systemClock.elapsed() - before).toBeLessThan(3600 * 1000)
    } finally {
      vi.useRealTimers()
    }
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

  test('a jump changes the date, and neither the time that has passed nor what is due', () => {
    const clock = fakeClock(100)
    const task = vi.fn()
    clock.schedule(task, 50)
    clock.jump(-1000)
    clock.advance(49)
    expect([clock.now(), clock.elapsed(), task.mock.calls.length]).toEqual([-851, 49, 0])
    clock.advance(1)
    expect(task).toHaveBeenCalledOnce()
  })
})
