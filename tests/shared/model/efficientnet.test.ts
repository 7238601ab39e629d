import { describe, expect, test } from 'vitest'
import { b0, plan, tiny } from './support.ts'

describe('planEfficientNet()', () => {
  test('is table 1 of the paper for B0', () => {
    const { stemChannels, blocks, lastName, lastChannels } = plan(b0)
    expect({ stemChannels, lastName, lastChannels }).toEqual({
      stemChannels: 32,
      lastName: 'features.8',
      lastChannels: 1280,
    })
    expect(blocks.map((block) => block.outputChannels)).toEqual([
      16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320,
    ])
    expect(blocks.map((block) => block.kernel).join('')).toBe('3335533355555553')
    expect(blocks.map((block) => block.stride).join('')).toBe('1212121111121111')
  })

  test('expands by 6 everywhere but in the first block, and squeezes to a quarter of the input', () => {
    const [first, ...others] = plan(b0).blocks
    expect(first?.expandedChannels).toBe(first?.inputChannels)
    for (const block of others) {
      expect(block.expandedChannels).toBe(6 * block.inputChannels)
      expect(block.squeezeChannels).toBe(Math.floor(block.inputChannels / 4))
    }
  })

  test('adds the input where stride is 1 and the width stays', () => {
    for (const { residual, stride, inputChannels, outputChannels } of plan(b0).blocks) {
      expect(residual).toBe(stride === 1 && inputChannels === outputChannels)
    }
    // At width 0.1 the first stage keeps its 8 channels.
    expect(plan(tiny).blocks[0]?.residual).toBe(true)
  })

  test('rounds the number of layers up', () => {
    const layers = (depthMultiplier: number): number => plan({ ...b0, depthMultiplier }).blocks.length
    expect([layers(0.01), layers(0.34), layers(1), layers(1.1)]).toEqual([7, 10, 16, 23])
  })
})
