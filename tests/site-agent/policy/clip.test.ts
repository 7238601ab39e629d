import { l2Norm } from '@tessera/shared/delta'
import type { Layout } from '@tessera/shared/model'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clipDelta } from '../../../site-agent/policy/index.ts'

const layout: Layout = {
  architecture: 'test',
  tensors: [
    { name: 'w', shape: [2], kind: 'trainable' },
    { name: 'v', shape: [1], kind: 'statistic' },
  ],
}
const delta = (w: readonly number[], v = 7) =>
  new Map([
    ['w', Float32Array.from(w)],
    ['v', Float32Array.of(v)],
  ])

describe('clipDelta()', () => {
  test('scales the trainable tensors to the norm, and leaves statistics alone', () => {
    expect(clipDelta(layout, delta([3, 4]), 1)).toEqual(delta([0.6, 0.8]))
  })
  test('leaves a small delta as it is, and any delta without a clip', () => {
    const small = delta([3, 4])
    expect(clipDelta(layout, small, 5)).toBe(small)
    expect(clipDelta(layout, small, null)).toBe(small)
  })
  test('never gives more than the norm, to float32’s rounding', () => {
    const value = fc.float({ min: -1000, max: 1000, noNaN: true })
    fc.assert(
      fc.property(fc.tuple(value, value), fc.double({ min: 1e-3, max: 100, noNaN: true }), (w, clip) => {
        expect(l2Norm(layout, clipDelta(layout, delta(w), clip))).toBeLessThanOrEqual(clip * (1 + 1e-6))
      }),
    )
  })
})
