import { describe, expect, test } from 'vitest'
import { initialQueue } from '../../../site-agent/distill/feature-queue.ts'
import '../../support/allclose.ts'

describe('initialQueue()', () => {
  test('gives rows of unit length, the same for the same seed', () => {
    const rows = initialQueue(50, 8, 'seed')
    const norms = Array.from({ length: 50 }, (_, i) => Math.hypot(...rows.subarray(i * 8, (i + 1) * 8)))
    expect(norms).toBeAllclose(
      norms.map(() => 1),
      { absolute: 1e-6 },
    )
    expect(initialQueue(50, 8, 'seed')).toEqual(rows)
    expect(initialQueue(50, 8, 'other')).not.toEqual(rows)
  })

  test('prefers no direction', () => {
    const rows = initialQueue(4000, 2, 'seed')
    const mean = rows.reduce((sum, v) => sum + v, 0) / rows.length
    // Deviation of a coordinate is √½: the mean of 8 000 is within 0.03 at four deviations.
    expect(Math.abs(mean)).toBeLessThan(0.03)
  })
})
