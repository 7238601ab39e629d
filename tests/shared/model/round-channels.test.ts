import { describe, expect, test } from 'vitest'
import { makeDivisible } from '../../../shared/model/round-channels.ts'

describe('makeDivisible()', () => {
  test("is torchvision's rounding at the points that tell", () => {
    // 11.2 rounds down to 8, which is more than 10 % below, and goes up; 32 × 0.1 stays at the least.
    expect([3.2, 11.2, 12, 19.2, 32, 44.8, 92].map(makeDivisible)).toEqual([8, 16, 16, 24, 32, 48, 96])
  })
})
