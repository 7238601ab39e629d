import { createHealth } from '@tessera/coordinator/operation'
import { describe, expect, test } from 'vitest'
import { fakeClock } from '../../support/fake-clock.ts'

/** A store that can be broken, and how often it was tried. */
function store() {
  const tried = { count: 0, broken: false }
  return {
    tried,
    tryStore: async () => {
      tried.count++
      if (tried.broken) throw new Error('full')
    },
  }
}

describe('createHealth()', () => {
  test('is starting, then ready, then stopping, also when it is stopped before it was ready', async () => {
    const health = createHealth(fakeClock())
    expect(await health.standing()).toBe('starting')
    health.opened(store().tryStore)
    expect(await health.standing()).toBe('ready')
    health.stopping()
    expect(await health.standing()).toBe('stopping')
    const other = createHealth(fakeClock())
    other.stopping()
    other.opened(store().tryStore)
    expect(await other.standing()).toBe('stopping')
  })

  test('tries the store once in five seconds, however many ask, and is ready again when the store is', async () => {
    const clock = fakeClock()
    const health = createHealth(clock)
    const { tried, tryStore } = store()
    health.opened(tryStore)
    tried.broken = true
    expect(await Promise.all([health.standing(), health.standing()])).toEqual(['store', 'store'])
    tried.broken = false
    clock.advance(4999)
    expect(await health.standing()).toBe('store')
    expect(tried.count).toBe(1)
    clock.advance(1)
    expect(await health.standing()).toBe('ready')
    expect(tried.count).toBe(2)
  })

  test('does not wait for a store that does not answer', async () => {
    const clock = fakeClock()
    const health = createHealth(clock)
    health.opened(() => new Promise(() => undefined))
    const standing = health.standing()
    clock.advance(2000)
    expect(await standing).toBe('store')
    expect(clock.pending()).toBe(0)
  })
})
