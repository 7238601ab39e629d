import { createRandom } from '@tessera/shared/random'
import { describe, expect, test } from 'vitest'
import { drawAugmentation, UNCHANGED } from '../../../site-agent/data/augment.ts'
import { STAIN_MATRIX, stainChange } from '../../../site-agent/data/stain.ts'
import { createTileMemory } from '../../../site-agent/data/wasm/tile-memory.ts'
import { IMAGENET_DEVIATION, IMAGENET_MEAN, writeTile } from '../../../site-agent/data/write-tile.ts'
import { noisePixels } from '../../support/tile-files.ts'

const memory = createTileMemory()

/** Undoes the normalisation: bytes as real numbers. */
function levels(out: Float32Array): number[] {
  return [...out].map((x, i) => 255 * (x * (IMAGENET_DEVIATION[i % 3] ?? 1) + (IMAGENET_MEAN[i % 3] ?? 0)))
}

function written(pixels: Uint8Array, size: number, augmentation = UNCHANGED): number[] {
  const out = new Float32Array(pixels.length)
  writeTile(memory, out, 0, pixels, size, augmentation)
  return levels(out)
}

/** A 2 × 2 tile whose pixels are 10, 20 / 30, 40. */
const SQUARE = Uint8Array.from([10, 20, 30, 40].flatMap((v) => [v, v, v]))
const reds = (values: number[]) => values.filter((_, i) => i % 3 === 0).map(Math.round)

describe('writeTile()', () => {
  test('normalises with ImageNet’s constants', () => {
    const out = new Float32Array(5)
    writeTile(memory, out, 1, Uint8Array.of(0, 128, 255), 1, UNCHANGED)
    expect([...out]).toEqual(
      [0, -0.485 / 0.229, (128 / 255 - 0.456) / 0.224, (1 - 0.406) / 0.225, 0].map(Math.fround),
    )
  })

  test.each([
    ['nothing', {}, [10, 20, 30, 40]],
    ['a quarter turn clockwise', { turns: 1 }, [30, 10, 40, 20]],
    ['a half turn', { turns: 2 }, [40, 30, 20, 10]],
    ['three quarter turns', { turns: 3 }, [20, 40, 10, 30]],
    ['a mirror left to right', { flipX: true }, [20, 10, 40, 30]],
    ['a mirror top to bottom', { flipY: true }, [30, 40, 10, 20]],
    ['a turn, then a mirror', { turns: 1, flipX: true }, [10, 30, 20, 40]],
  ])('applies %s', (_, change, want) => {
    expect(reds(written(SQUARE, 2, { ...UNCHANGED, ...change }))).toEqual(want)
  })

  test('a stain change of nothing is the identity to half a level', () => {
    const pixels = noisePixels('hed', 16)
    const colour = stainChange([1, 1, 1].map((alpha) => ({ alpha, beta: 0 })))
    const out = written(pixels, 16, { ...UNCHANGED, colour })
    // 0 counts as 1, so the darkest level may be off by one; all others only by rounding.
    const worst = Math.max(...out.map((x, i) => Math.abs(x - Math.max(pixels[i] ?? 0, 1))))
    expect(worst).toBeLessThan(1e-3)
  })

  test('agrees with the definition, pixel by pixel', () => {
    const stains = [
      { alpha: 1.05, beta: 0.03 },
      { alpha: 0.96, beta: -0.05 },
      { alpha: 1.01, beta: 0.02 },
    ]
    const pixel = [180, 90, 160]
    const density = pixel.map((v) => -Math.log10(v / 255))
    const amounts = solve(STAIN_MATRIX, density).map((s, i) => {
      const { alpha, beta } = stains[i] ?? { alpha: 1, beta: 0 }
      return s * alpha + beta
    })
    const want = [0, 1, 2].map(
      (c) => 255 * 10 ** -amounts.reduce((sum, s, i) => sum + s * (STAIN_MATRIX[i]?.[c] ?? 0), 0),
    )
    const got = written(Uint8Array.from(pixel), 1, { ...UNCHANGED, colour: stainChange(stains) })
    for (const [c, value] of got.entries()) expect(value).toBeCloseTo(want[c] ?? 0, 3)
  })

  test('stays within black and white whatever is drawn', () => {
    const pixels = noisePixels('range', 16)
    for (let i = 0; i < 50; i++) {
      const out = written(pixels, 16, drawAugmentation(createRandom(i), 'flips-and-stain'))
      expect(Math.min(...out)).toBeGreaterThanOrEqual(-1e-3)
      expect(Math.max(...out)).toBeLessThanOrEqual(255.001)
    }
  })
})

describe('drawAugmentation()', () => {
  test('draws all eight orientations', () => {
    const random = createRandom('orientations')
    const seen = new Set(
      Array.from({ length: 200 }, () => reds(written(SQUARE, 2, drawAugmentation(random, 'flips'))).join()),
    )
    expect(seen.size).toBe(8)
  })

  test('draws nothing for none', () => {
    const random = createRandom('none')
    expect(drawAugmentation(random, 'none')).toBe(UNCHANGED)
    expect(random.state()).toEqual(createRandom('none').state())
  })
})

/** Solves s · m = d by Cramer's rule. */
function solve(m: readonly (readonly number[])[], d: readonly number[]): number[] {
  const det = (rows: readonly (readonly number[])[]) => {
    const [[a = 0, b = 0, c = 0] = [], [e = 0, f = 0, g = 0] = [], [h = 0, i = 0, j = 0] = []] = rows
    return a * (f * j - g * i) - b * (e * j - g * h) + c * (e * i - f * h)
  }
  return m.map((_, row) => det(m.map((r, i) => (i === row ? d : r))) / det(m))
}
