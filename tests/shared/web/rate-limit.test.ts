import { createRateLimit } from '@tessera/shared/web'
import { describe, expect, test } from 'vitest'
import { fakeClock } from '../../support/fake-clock.ts'

describe('createRateLimit()', () => {
  test('lets a burst through, then so many a minute, and counts each key alone', () => {
    const clock = fakeClock()
    const limit = createRateLimit(clock, { burst: 3, perMinute: 2 })
    for (let i = 0; i < 3; i++) limit('ada')
    expect(() => limit('ada')).toThrow('requests must be at most 3 at once and 2 a minute after that')
    expect(() => limit('grace')).not.toThrow()
    clock.advance(30_000)
    expect(() => limit('ada')).not.toThrow()
    expect(() => limit('ada')).toThrow('got more')
  })

  test('holds a bounded number of keys, and forgets the one that was used longest ago', () => {
    const limit = createRateLimit(fakeClock(), { burst: 1, perMinute: 1 })
    limit('first')
    for (let i = 0; i < 9_999; i++) limit(`key ${i}`)
    expect(() => limit('first')).toThrow('got more')
    for (let i = 0; i < 9_999; i++) limit(`other ${i}`)
    expect(() => limit('key 0')).not.toThrow()
  })
})
