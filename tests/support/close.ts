import { expect } from 'vitest'

/** Both are NaN, or as close as `digits` decimals say. */
export function expectClose(got: number, want: number, digits: number, what = ''): void {
  if (Number.isNaN(want)) expect(got, what).toBeNaN()
  else expect(got, what).toBeCloseTo(want, digits)
}
