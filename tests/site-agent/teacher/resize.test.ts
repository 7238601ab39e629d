import { createRandom } from '@tessera/shared/random'
import { describe, expect, test } from 'vitest'
import { bilinearTaps, resizeSquare } from '../../../site-agent/teacher/resize.ts'

/** An image whose three channels are `values`, its double and its negative. */
const inColour = (values: readonly number[]): Float32Array =>
  Float32Array.from(values.flatMap((value) => [value, 2 * value, -value]))
const FIVE = [0, 7, 3, 10, 6, 2, 9, 5, 1, 8, 4, 0, 7, 3, 10, 6, 2, 9, 5, 1, 8, 4, 0, 7, 3]

describe('resizeSquare()', () => {
  // Numbers from torch.nn.functional.interpolate(mode='bilinear', antialias=True, align_corners=False), torch 2.15; float32 both.
  test.each([
    ['enlarges', [0, 1, 4, 9], 2, 3, [0, 0.5, 1, 2, 3.5, 5, 4, 6.5, 9]],
    [
      'makes smaller',
      FIVE,
      5,
      2,
      [4.43181848526001, 5.636363983154297, 4.409090995788574, 4.681817531585693],
    ],
  ])('%s as PyTorch does', (_, values, input, output, want) => {
    const got = resizeSquare(inColour(values), input, output)
    for (const [i, value] of inColour(want).entries()) expect(got[i]).toBeCloseTo(value, 5)
  })
  test('leaves an image of the right size alone', () => {
    const image = inColour(FIVE)
    expect(resizeSquare(image, 5, 5)).toBe(image)
  })
  test.each([
    [96, 224],
    [512, 224],
    [16, 17],
  ])('gives taps of %i to %i pixels that sum to 1 and lie inside', (input, output) => {
    const taps = bilinearTaps(input, output)
    expect(taps).toHaveLength(output)
    for (const { first, weights } of taps) {
      expect(first).toBeGreaterThanOrEqual(0)
      expect(first + weights.length).toBeLessThanOrEqual(input)
      expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12)
    }
  })
  test('keeps a constant image constant, and mirrors with it', () => {
    const random = createRandom('resize')
    const image = Float32Array.from({ length: 9 * 9 * 3 }, () => random.normal(0, 1))
    const mirrored = (of: Float32Array, size: number): Float32Array =>
      of.map((_, i) => {
        const [pixel, channel] = [Math.floor(i / 3), i % 3]
        const [y, x] = [Math.floor(pixel / size), pixel % size]
        return of[(y * size + size - 1 - x) * 3 + channel] ?? Number.NaN
      })
    const [one, other] = [mirrored(resizeSquare(image, 9, 4), 4), resizeSquare(mirrored(image, 9), 9, 4)]
    for (const [i, value] of one.entries()) expect(other[i]).toBeCloseTo(value, 6)
    expect(new Set(resizeSquare(new Float32Array(27).fill(0.5), 3, 2))).toEqual(new Set([0.5]))
  })
})
