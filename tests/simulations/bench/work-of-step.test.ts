import { describe, expect, test } from 'vitest'
import { evaluationLoad, leastSeconds, stepLoad, totalLoad } from '../../../simulations/bench/work-of-step.ts'

describe('evaluationLoad()', () => {
  test('counts B0’s 0.39 billion products at 224 px', () => {
    // Tan and Le, table 2: 0.39 B. Ours leaves out the squeezed layers and the classifier, less than 1 % of it.
    const { flops } = totalLoad(evaluationLoad({ batch: 1, sidePx: 224 }))
    expect(flops / 2e9).toBeCloseTo(0.39, 1)
    expect(flops / 2e9).toBeGreaterThan(0.38)
  })
  test('grows with the batch, and with the pixels where sides are even', () => {
    const one = totalLoad(evaluationLoad({ batch: 1, sidePx: 64 })).flops
    expect(totalLoad(evaluationLoad({ batch: 3, sidePx: 64 })).flops).toBe(3 * one)
    expect(totalLoad(evaluationLoad({ batch: 1, sidePx: 128 })).flops).toBe(4 * one)
  })
})

describe('stepLoad()', () => {
  test('is five forward passes’ worth of convolutions, and what the queue adds', () => {
    const size = { batch: 2, sidePx: 64 }
    const forward = totalLoad(evaluationLoad(size)).flops
    const step = (featureDim: number, queueSize: number): number =>
      totalLoad(stepLoad(size, featureDim, queueSize)).flops
    expect(step(512, 1000) - step(512, 0)).toBe(2 * 2 * 2 * 512 * 1000)
    // Heads and attentions: 2 products of [2, 1280] by [1280, 1280 + C], thrice for the student.
    const head = 1280 * 1280 + 1280 * 8
    expect(step(8, 0)).toBe(5 * forward + 2 * 2 * (4 * head + 5 * 4 * 64))
  })
})

describe('leastSeconds()', () => {
  test('takes the slower of computing and moving, part by part', () => {
    const loads = [
      { name: 'computes', flops: 100, bytes: 1 },
      { name: 'moves', flops: 1, bytes: 100 },
    ]
    expect(leastSeconds(loads, { flopsPerSecond: 10, bytesPerSecond: 50 })).toBe(12)
  })
})
