/** @file `expect(values).toBeAllclose(want, { relative, absolute })`: element by element, as numpy.allclose. Import it for its effect. */
import { expect } from 'vitest'

export interface Tolerance {
  /** Share of the wanted value's size; 0 by default, so that each test names what it needs. */
  readonly relative?: number
  /** Added to that; 0 by default. */
  readonly absolute?: number
}

declare module 'vitest' {
  interface Matchers<T> {
    /** |gotᵢ − wantᵢ| ≤ absolute + relative · |wantᵢ| for every i, and equal lengths. NaN is close to nothing. */
    toBeAllclose(want: ArrayLike<number>, tolerance?: Tolerance): void
  }
}

/** Index of the element furthest outside the tolerance; −1 when all are within. */
export function worstIndex(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  { relative = 0, absolute = 0 }: Tolerance = {},
): number {
  let worst = -1
  let largest = 0
  for (let i = 0; i < want.length; i++) {
    const [g, w] = [got[i] ?? Number.NaN, want[i] ?? Number.NaN]
    if (Object.is(g, w)) continue
    const excess = Math.abs(g - w) - absolute - relative * Math.abs(w)
    if (excess <= largest) continue
    if (Number.isNaN(excess)) return i
    worst = i
    largest = excess
  }
  return worst
}

expect.extend({
  toBeAllclose(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: Tolerance = {}) {
    if (got.length !== want.length) {
      return { pass: false, message: () => `must have ${want.length} elements, got ${got.length}` }
    }
    const at = worstIndex(got, want, tolerance)
    return {
      pass: at === -1,
      message: () =>
        at === -1
          ? 'must differ somewhere, got all within the tolerance'
          : `element ${at} must be ${want[at]} within ${JSON.stringify(tolerance)}, got ${got[at]}`,
    }
  },
})
