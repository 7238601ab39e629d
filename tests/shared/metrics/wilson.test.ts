import { shareInterval } from '@tessera/shared/metrics'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

describe('shareInterval()', () => {
  test('gives the published interval of 81 in 263', () => {
    const { value, low, high } = shareInterval(81, 263) ?? { value: 0, low: 0, high: 0 }
    // Newcombe, Statistics in Medicine 17, 1998, table I, method 3: 0.2553 to 0.3662.
    expect([value, low, high].map((x) => x.toFixed(4))).toEqual(['0.3080', '0.2553', '0.3662'])
  })

  test('has room at the ends: nothing of 20 is not surely nothing', () => {
    const none = shareInterval(0, 20)
    // Newcombe, as above: 0 to 0.1611.
    expect([none?.low, none?.high.toFixed(4)]).toEqual([0, '0.1611'])
    expect(shareInterval(20, 20)?.high).toBe(1)
  })

  test('of nothing says nothing', () => expect(shareInterval(0, 0)).toBeNull())

  test('holds the share, within 0 and 1', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), (right, wrong) => {
        const found = shareInterval(right, right + wrong)
        if (found === null) return right + wrong === 0
        return found.low >= 0 && found.low <= found.value && found.value <= found.high && found.high <= 1
      }),
    )
  })
})
