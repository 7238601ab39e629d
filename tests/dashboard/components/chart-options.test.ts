import { describe, expect, test } from 'vitest'
import { formatTick } from '../../../dashboard/components/chart-options.ts'

describe('formatTick()', () => {
  test.each([
    [40, 10, '40'],
    [3, 0.5, '3.0'],
    [0.75, 0.25, '0.75'],
    [0.1 + 0.2, 0.1, '0.3'],
    [0.9, 0.05, '0.90'],
    [0, 1, '0'],
  ])('%d in steps of %d is %s', (tick, step, words) => expect(formatTick(tick, step)).toBe(words))
})
