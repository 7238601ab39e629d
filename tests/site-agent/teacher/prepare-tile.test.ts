import { IMAGENET_DEVIATION, IMAGENET_MEAN } from '@tessera/shared/model'
import { describe, expect, test } from 'vitest'
import { prepareTile } from '../../../site-agent/teacher/prepare-tile.ts'

/** Two by two pixels, as values from 0 to 1. */
const VALUES = [0, 0.5, 1, 0.25, 0.75, 0.125, 1, 0, 0.5, 0.3, 0.6, 0.9]
const TILE = Float32Array.from(
  VALUES,
  (value, i) => (value - (IMAGENET_MEAN[i % 3] ?? 0)) / (IMAGENET_DEVIATION[i % 3] ?? 1),
)
const MEAN: [number, number, number] = [0.5, 0.4, 0.3]
const DEVIATION: [number, number, number] = [0.5, 0.25, 2]
const input = (layout: 'nchw' | 'nhwc') => ({
  tensor: 'image',
  sizePx: 2,
  layout,
  mean: MEAN,
  deviation: DEVIATION,
})

describe('prepareTile()', () => {
  test('undoes ImageNet’s normalisation and does the teacher’s, channels last', () => {
    const got = prepareTile(TILE, 2, input('nhwc'))
    // Float32 values of at most 4: an error of 1e-6.
    for (const [i, value] of VALUES.entries()) {
      expect(got[i]).toBeCloseTo((value - (MEAN[i % 3] ?? 0)) / (DEVIATION[i % 3] ?? 1), 5)
    }
  })
  test('puts the channels first where the teacher has them first', () => {
    const [first, last] = [prepareTile(TILE, 2, input('nchw')), prepareTile(TILE, 2, input('nhwc'))]
    for (let pixel = 0; pixel < 4; pixel++) {
      for (let channel = 0; channel < 3; channel++)
        expect(first[channel * 4 + pixel]).toBe(last[pixel * 3 + channel])
    }
  })
  test('gives back a tile for a teacher of ImageNet’s normalisation and the tile’s size', () => {
    const same = {
      ...input('nhwc'),
      mean: [0.485, 0.456, 0.406] as typeof MEAN,
      deviation: [0.229, 0.224, 0.225] as typeof MEAN,
    }
    expect(prepareTile(TILE, 2, same)).toEqual(TILE)
  })
  test('scales to the teacher’s size', () => {
    expect(prepareTile(TILE, 2, { ...input('nchw'), sizePx: 16 })).toHaveLength(3 * 16 * 16)
  })
})
