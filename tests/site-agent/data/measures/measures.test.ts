import { createRandom } from '@tessera/shared/random'
import sharp, { type Sharp } from 'sharp'
import { describe, expect, test } from 'vitest'
import { drawScanner, tilePng } from '../../../../simulations/tiles/index.ts'
import { greyOf } from '../../../../site-agent/data/measures/grey.ts'
import {
  backgroundOf,
  createMeasures,
  hashOf,
  measureTile,
  SAMPLED_PIXELS,
  sampleOf,
  sharpnessOf,
} from '../../../../site-agent/data/measures/measure.ts'
import {
  hashDistance,
  orientations,
  perceptualHash,
} from '../../../../site-agent/data/measures/perceptual-hash.ts'
import { laplacianVariance } from '../../../../site-agent/data/measures/sharpness.ts'
import { NEAR_BITS } from '../../../../site-agent/data/splits/similar.ts'

const SIZE = 96

/** Procedural tissue: what a hash is made for has shapes, not noise. */
async function tissue(patient: string, index: number): Promise<Sharp> {
  const scanner = drawScanner(createRandom(patient))
  return sharp(await tilePng({ patient, index, grade: 'benign', scanner, sizePx: SIZE }))
}

async function hash(image: Sharp, size = SIZE) {
  const { data } = await image.removeAlpha().raw().toBuffer({ resolveWithObject: true })
  return perceptualHash(greyOf(data), size).hash
}

describe('perceptualHash()', () => {
  test.each([
    ['stored as JPEG', async (image: Sharp) => [sharp(await image.jpeg({ quality: 70 }).toBuffer()), SIZE]],
    ['scaled by half', async (image: Sharp) => [image.resize(SIZE / 2), SIZE / 2]],
    ['scaled by a third more', async (image: Sharp) => [image.resize(128), 128]],
    ['made lighter', async (image: Sharp) => [image.linear(1.1, 5), SIZE]],
  ] as const)('differs by less than what counts as near when a tile is %s', async (_, change) => {
    for (const index of [0, 1]) {
      const [changed, size] = await change(await tissue('p', index))
      expect(
        hashDistance(await hash(await tissue('p', index)), ...(await hash(changed as Sharp, size as number))),
      ).toBeLessThanOrEqual(NEAR_BITS)
    }
  })

  test('differs by more between two tiles of one patient', async () => {
    const hashes = await Promise.all([0, 1, 2, 3].map(async (index) => hash(await tissue('p', index))))
    for (const [i, a] of hashes.entries()) {
      for (const b of hashes.slice(0, i)) {
        expect(Math.min(...orientations(a).map((turned) => hashDistance(turned, ...b)))).toBeGreaterThan(
          NEAR_BITS,
        )
      }
    }
  })

  test('orientations() are the hashes of the turned and mirrored tile', async () => {
    const known = orientations(await hash(await tissue('p', 0)))
    const turned = await Promise.all(
      [0, 90, 180, 270].flatMap((angle) =>
        [false, true].map(async (mirror) => {
          const bytes = await (await tissue('p', 0)).rotate(angle).png().toBuffer()
          return hash(mirror ? sharp(bytes).flop() : sharp(bytes))
        }),
      ),
    )
    // A coefficient next to 0 may fall on either side of it, by rounding.
    for (const one of turned)
      expect(Math.min(...known.map((of) => hashDistance(of, ...one)))).toBeLessThanOrEqual(1)
    expect(new Set(known.map(String)).size).toBe(8)
  })

  test.each([8, 28, 33, 224])('averages tiles of %d px to the same areas', (size) => {
    // A slope falls against each odd cosine: x · y has all coefficients of odd u and v above 0.
    const both = Float32Array.from({ length: size * size }, (_, i) => (i % size) * Math.floor(i / size))
    expect(perceptualHash(both, size).hash.map((word) => word & 0x00550055)).toEqual([0x00550055, 0x00550055])
    const slope = Float32Array.from({ length: size * size }, (_, i) => i % size)
    const { contrast } = perceptualHash(slope, size)
    expect(contrast).toBeCloseTo((size * Math.sqrt(1 - 1 / 1024)) / Math.sqrt(12), size < 32 ? 0 : 1)
  })
})

describe('laplacianVariance()', () => {
  test('is 0 of a slope and of a tile without inner pixels', () => {
    expect(
      laplacianVariance(
        Float32Array.from({ length: 25 }, (_, i) => i),
        5,
      ),
    ).toBeCloseTo(0, 6)
    expect(laplacianVariance(new Float32Array(4), 2)).toBe(0)
  })
  test('is that of its definition, for one bright pixel', () => {
    const grey = new Float32Array(49)
    grey[24] = 10
    // Inner 5 × 5: one 40, four −10.
    expect(laplacianVariance(grey, 7)).toBeCloseTo((1600 + 4 * 100) / 25 - ((40 - 40) / 25) ** 2, 6)
  })
  test('falls when a tile is blurred', async () => {
    const sharpness = async (image: Sharp) =>
      laplacianVariance(greyOf(await image.removeAlpha().raw().toBuffer()), SIZE)
    expect(await sharpness((await tissue('p', 0)).blur(2))).toBeLessThan(
      (await sharpness(await tissue('p', 0))) / 4,
    )
  })
})

describe('measureTile()', () => {
  test('tells the share of glass, and has no hash of a plain tile', () => {
    const pixels = new Uint8Array(16 * 16 * 3).fill(240)
    pixels.fill(90, 0, 4 * 16 * 3)
    const measures = createMeasures(2)
    measureTile(measures, 1, pixels, 16)
    expect(backgroundOf(measures, 1)).toBe(0.75)
    expect(hashOf(measures, 1)).not.toBeNull()
    expect(sharpnessOf(measures, 1)).toBeGreaterThan(0)
    measureTile(measures, 0, new Uint8Array(16 * 16 * 3).fill(240), 16)
    expect(hashOf(measures, 0)).toBeNull()
    expect(backgroundOf(measures, 0)).toBe(1)
  })
  test('samples pixels on a grid', () => {
    const pixels = Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => Math.floor(i / 3))
    const measures = createMeasures(1)
    measureTile(measures, 0, pixels, 32)
    const sample = sampleOf(measures, 0)
    expect(sample.length).toBe(SAMPLED_PIXELS * 3)
    // Cells of 2 × 2 pixels, the lower right one of each.
    expect([sample[0], sample[3], sample[16 * 3]]).toEqual([33, 35, 97])
  })
})
