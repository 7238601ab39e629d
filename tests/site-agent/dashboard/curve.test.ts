import { describe, expect, test } from 'vitest'
import { createCurve } from '../../../site-agent/dashboard/curve.ts'

describe('a curve', () => {
  test('keeps every point of a short round', () => {
    const curve = createCurve()
    for (const step of [1, 2, 3]) curve.add(step, 1 / step)
    expect(curve.thinned()).toEqual({ steps: [1, 2, 3], losses: [1, 1 / 2, 1 / 3] })
    curve.clear()
    expect(curve.thinned()).toEqual({ steps: [], losses: [] })
  })

  test('of a round of a hundred thousand steps is as small, from its first step to near its last, in order', () => {
    const curve = createCurve()
    for (let step = 1; step <= 100_000; step++) curve.add(step, step)
    const { steps, losses } = curve.thinned()
    expect(steps.length).toBeLessThanOrEqual(400)
    expect(steps.length).toBeGreaterThan(150)
    expect(steps[0]).toBe(1)
    expect(steps.at(-1)).toBeGreaterThan(99_000)
    expect(steps).toEqual(steps.toSorted((a, b) => a - b))
    expect(losses).toEqual(steps)
  })
})
