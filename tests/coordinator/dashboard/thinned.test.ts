import { describe, expect, test } from 'vitest'
import { createThinned } from '../../../coordinator/dashboard/thinned.ts'

describe('createThinned()', () => {
  test('keeps every round while there are few', () => {
    const thinned = createThinned(4, 100)
    for (let round = 1; round <= 4; round++) thinned.add({ round }, 1)
    expect([thinned.every, thinned.rows().map(({ round }) => round)]).toEqual([1, [1, 2, 3, 4]])
  })

  test('keeps every second, fourth, … and always the newest', () => {
    const thinned = createThinned(4, 100)
    for (let round = 1; round <= 19; round++) thinned.add({ round }, 1)
    expect([thinned.every, thinned.rows().map(({ round }) => round)]).toEqual([4, [4, 8, 12, 16, 19]])
  })

  test('keeps fewer rounds when each has many sites', () => {
    const thinned = createThinned(1000, 100)
    for (let round = 1; round <= 64; round++) thinned.add({ round }, 20)
    expect(thinned.rows().length).toBeLessThanOrEqual(6)
    expect(thinned.rows().at(-1)?.round).toBe(64)
  })

  test('ends when one round alone has more sites than there is room for', () => {
    const thinned = createThinned(4, 10)
    for (let round = 1; round <= 3; round++) thinned.add({ round }, 50)
    expect(thinned.rows().at(-1)?.round).toBe(3)
  })
})
