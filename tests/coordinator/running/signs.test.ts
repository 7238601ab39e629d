import { describe, expect, test } from 'vitest'
import { createSigns } from '../../../coordinator/running/signs.ts'

describe('createSigns()', () => {
  test('a step further, or more bytes, is a sign; the same again is none', () => {
    const signs = createSigns()
    signs.note('a', 'step', 3, 10)
    signs.note('a', 'step', 3, 20)
    signs.note('a', 'step', 2, 30)
    expect([...signs.times]).toEqual([['a', 10]])
    signs.note('a', 'bytes', 1, 40)
    signs.note('b', 'step', 1, 50)
    expect([...signs.times]).toEqual([
      ['a', 40],
      ['b', 50],
    ])
  })
  test('another attempt begins at its first step', () => {
    const signs = createSigns()
    signs.note('a', 'step', 3, 10)
    signs.clear()
    expect(signs.times.size).toBe(0)
    signs.note('a', 'step', 1, 20)
    expect([...signs.times]).toEqual([['a', 20]])
  })
})
