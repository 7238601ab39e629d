import { describe, expect, test } from 'vitest'
import { createTelling } from '../../../coordinator/running/telling.ts'
import { fakeClock } from '../../support/fake-clock.ts'

function telling() {
  const clock = fakeClock()
  let state = 0
  const told: number[] = []
  const { tell, end } = createTelling(clock, () => told.push(state))
  const change = (): void => {
    state++
    tell()
  }
  return { clock, told, change, end }
}

describe('createTelling()', () => {
  test('tells the first change at once, and of those that follow the last', () => {
    const { clock, told, change } = telling()
    for (let i = 0; i < 1000; i++) change()
    expect(told).toEqual([1])
    clock.advance(99)
    expect(told).toEqual([1])
    clock.advance(1)
    expect(told).toEqual([1, 1000])
  })

  test('tells nothing where nothing has changed', () => {
    const { clock, told, change } = telling()
    change()
    clock.advance(1000)
    expect(told).toEqual([1])
    change()
    expect(told).toEqual([1, 2])
  })

  test('tells what is left at the end, and nothing after it', () => {
    const { clock, told, change, end } = telling()
    change()
    change()
    end()
    expect(told).toEqual([1, 2])
    change()
    clock.advance(1000)
    expect(told).toEqual([1, 2])
  })
})
