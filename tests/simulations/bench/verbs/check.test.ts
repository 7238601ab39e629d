import { describe, expect, test } from 'vitest'
import { assertSameLosses, checkWork } from '../../../../simulations/bench/verbs/check.ts'

describe('assertSameLosses()', () => {
  test('lets rounding pass', () => {
    expect(() =>
      assertSameLosses([
        { name: 'wasm', losses: [16.2377, 15.0482] },
        { name: 'torch', losses: [16.2378, 15.0483] },
      ]),
    ).not.toThrow()
  })
  test.each([
    [
      'a loss that differs by a thousandth',
      [16.2377, 15.0632],
      /^loss of step 2 must be 15.0482 as wasm has it, got 15.0632 from torch$/,
    ],
    ['a loss that is no number', [Number.NaN, 15.0482], /^loss of step 1 .* got NaN/],
    ['a step that is missing', [16.2377], /^loss of step 2 .* got NaN/],
  ])('refuses %s', (_, losses, message) => {
    expect(() =>
      assertSameLosses([
        { name: 'wasm', losses: [16.2377, 15.0482] },
        { name: 'torch', losses },
      ]),
    ).toThrowError(
      expect.objectContaining({ code: 'ERR_CASE_DIFFERS', message: expect.stringMatching(message) }),
    )
  })
})

describe('checkWork()', () => {
  test('wants one of ours first: it writes what the others start from', async () => {
    await expect(checkWork({ size: [], contenders: ['torch', 'wasm'] })).rejects.toMatchObject({
      code: 'ERR_USAGE',
      message: 'first contender must be one of ours, got torch',
    })
  })
})
