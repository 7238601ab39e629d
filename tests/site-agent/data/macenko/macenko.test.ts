import { readFileSync } from 'node:fs'
import { createRandom } from '@tessera/shared/random'
import { describe, expect, test } from 'vitest'
import { drawAugmentation } from '../../../../site-agent/data/augment.ts'
import { concentrationRows, fitStain, meanConcentrations } from '../../../../site-agent/data/macenko/fit.ts'
import {
  normaliseStain,
  REFERENCE_STAIN,
  stainNormalisation,
} from '../../../../site-agent/data/macenko/normalise.ts'
import { principalPlane } from '../../../../site-agent/data/macenko/principal-plane.ts'
import { stainPlan } from '../../../../site-agent/data/stain-plan.ts'
import { createTileMemory } from '../../../../site-agent/data/wasm/tile-memory.ts'

interface Case {
  readonly sizePx: number
  readonly pixels: string
  readonly haematoxylin: number[]
  readonly eosin: number[]
  readonly strength: number[]
  readonly normalised: string
}

/** Of loops over pixels in NumPy: tests/parity/generate_macenko.py. */
const reference = JSON.parse(
  readFileSync(new URL('../../../parity/macenko/case.json', import.meta.url), 'utf8'),
) as Case
const pixels = new Uint8Array(Buffer.from(reference.pixels, 'base64'))

describe('fitStain()', () => {
  test('finds the vectors and strengths of loops in NumPy', () => {
    const { haematoxylin, eosin, strength } = fitStain(pixels)
    // Both work in double precision: what differs is the order of sums and the eigenvectors' last bits.
    for (const [got, want] of [
      [haematoxylin, reference.haematoxylin],
      [eosin, reference.eosin],
      [strength, reference.strength],
    ] as const) {
      for (const [i, value] of got.entries()) expect(value).toBeCloseTo(want[i] as number, 9)
    }
  })

  test('does not hang on the order of pixels', () => {
    const turned = new Uint8Array(pixels.length)
    for (let at = 0; at < pixels.length; at += 3)
      turned.set(pixels.subarray(at, at + 3), pixels.length - at - 3)
    const [a, b] = [fitStain(pixels), fitStain(turned)]
    for (const i of [0, 1, 2]) expect(a.haematoxylin[i]).toBeCloseTo(b.haematoxylin[i] as number, 9)
  })

  test('refuses glass and a single colour with ERR_DATA_STAIN', () => {
    expect(() => fitStain(new Uint8Array(30_000).fill(250))).toThrow('at least 1000 pixels of tissue, got 0')
    const violet = Uint8Array.from({ length: 30_000 }, (_, i) => [150, 90, 160][i % 3] as number)
    expect(() => fitStain(violet)).toThrow('tissue must have two stains, got one colour')
  })
})

test('concentrationRows() give back the amounts that a mixture is made of', () => {
  const [h, e] = concentrationRows(REFERENCE_STAIN)
  const { haematoxylin, eosin } = REFERENCE_STAIN
  const mixture = [0, 1, 2].map((i) => 0.7 * (haematoxylin[i] as number) + 0.2 * (eosin[i] as number))
  const amount = (row: readonly number[]) =>
    row.reduce((sum, value, i) => sum + value * (mixture[i] as number), 0)
  expect(amount(h)).toBeCloseTo(0.7, 12)
  expect(amount(e)).toBeCloseTo(0.2, 12)
})

test('meanConcentrations() leaves glass out', () => {
  const stain = fitStain(pixels)
  const glass = new Uint8Array(3000).fill(255)
  expect(meanConcentrations(glass, stain)).toBeNull()
  expect(meanConcentrations(Uint8Array.from([...pixels, ...glass]), stain)).toEqual(
    meanConcentrations(pixels, stain),
  )
})

test('principalPlane() finds the axes of a flat cloud', () => {
  const random = createRandom('cloud')
  const points = Float64Array.from({ length: 3000 }, (_, i) => random.normal(0, [0.1, 5, 2][i % 3]))
  const [first, second] = principalPlane(points)
  expect(Math.abs(first[1])).toBeGreaterThan(0.99)
  expect(first[0] + first[1] + first[2]).toBeGreaterThan(0)
  expect(Math.abs(second[2])).toBeGreaterThan(0.99)
})

describe('normaliseStain()', () => {
  const memory = createTileMemory()
  const normalised = (): Uint8Array => {
    memory.clear()
    return normaliseStain(memory, pixels, reference.sizePx, stainNormalisation(fitStain(pixels))).slice()
  }

  test('gives the bytes of loops in NumPy, rounded', () => {
    const bytes = Buffer.from(reference.normalised, 'base64')
    const got = normalised()
    let worst = 0
    for (let i = 0; i < got.length; i++)
      worst = Math.max(worst, Math.abs((got[i] as number) - bytes.readUInt16LE(i * 2) / 100))
    // Half a level by rounding, half a hundredth by how the case is kept, and less than a thousandth by the table of e^−x.
    expect(worst).toBeLessThan(0.507)
  })

  test('leaves a site with the reference’s stain', () => {
    const { haematoxylin, eosin, strength } = fitStain(normalised())
    for (const [got, want] of [
      [haematoxylin, REFERENCE_STAIN.haematoxylin],
      [eosin, REFERENCE_STAIN.eosin],
    ] as const) {
      // The reference's vectors have four digits, and bytes are rounded.
      for (const [i, value] of got.entries()) expect(value).toBeCloseTo(want[i] as number, 1)
    }
    expect(strength[0]).toBeCloseTo(REFERENCE_STAIN.strength[0], 1)
  })

  test('takes pixels that lie in the memory already', () => {
    memory.clear()
    const at = memory.take(pixels.length)
    memory.bytes(at, pixels.length).set(pixels)
    const change = stainNormalisation(fitStain(pixels))
    expect(normaliseStain(memory, memory.bytes(at, pixels.length), reference.sizePx, change).slice()).toEqual(
      normalised(),
    )
  })
})

describe('flips-and-site-stain', () => {
  test('varies tiles along the site’s own stains, and along the reference’s once they are normalised', () => {
    const site = fitStain(pixels)
    const draw = (isNormalised: boolean) =>
      drawAugmentation(createRandom('t'), 'flips-and-site-stain', stainPlan(site, isNormalised).colours)
        .colour
    expect(stainPlan(site, false).change).toBeNull()
    expect(draw(true)?.matrix).not.toEqual(draw(false)?.matrix)
    // One of the site's own stains is only made thicker or thinner, and shifted: it keeps its direction.
    const { matrix } = draw(false) as { matrix: Float64Array }
    const changed = [0, 1, 2].map((to) =>
      [0, 1, 2].reduce(
        (sum, from) => sum + (site.eosin[from] as number) * (matrix[from * 3 + to] as number),
        0,
      ),
    )
    const scale = (changed[0] as number) / site.eosin[0]
    expect(Math.abs(scale - 1)).toBeLessThanOrEqual(0.05)
    for (const [i, value] of changed.entries())
      expect(value).toBeCloseTo((site.eosin[i] as number) * scale, 9)
  })
})
