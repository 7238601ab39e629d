import { describe, expect, test } from 'vitest'
import './allclose.ts'

describe('toBeAllclose()', () => {
  test('passes within absolute plus relative', () => {
    expect([100.5, -1]).toBeAllclose([100, -1], { relative: 0.004, absolute: 0.1 })
  })
  test.each([
    ['a difference', [1, 2], [1, 3]],
    ['a length', [1], [1, 1]],
    ['NaN against a number', [Number.NaN], [1]],
    ['a number against NaN', [1], [Number.NaN]],
    ['infinity against a number', [Infinity], [1]],
  ])('fails for %s', (_, got, want) => {
    expect(() => expect(got).toBeAllclose(want, { relative: 0.1 })).toThrow()
    expect(got).not.toBeAllclose(want, { relative: 0.1 })
  })
  test('names the worst element', () => {
    expect(() => expect([1.2, 5, 1]).toBeAllclose([1, 1, 1])).toThrow(/element 1 must be 1 .* got 5/)
  })
})
