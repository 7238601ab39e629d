import { describe, expect, test } from 'vitest'
import { roundMetrics } from '../../../site-agent/distill/round-metrics.ts'

describe('roundMetrics()', () => {
  test('weighs each step by its tiles', () => {
    const steps = [
      { loss: 3, ce: 1, kl: 2, nce: null, correct: 2, seen: 3 },
      { loss: 7, ce: 5, kl: 2, nce: null, correct: 1, seen: 1 },
    ]
    expect(roundMetrics(steps)).toEqual({ loss: 4, ce: 2, kl: 2, nce: null, correct: 3, seen: 4 })
  })
})
