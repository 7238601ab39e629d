import { createRandom } from '@tessera/shared/random'
import { drawScanner, GRADES, renderTile, siteScanner, tilePng } from '@tessera/simulations'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'

const violet = siteScanner(0, createRandom('scanner'))
const request = { patient: 'seed/patient-1', index: 0, grade: 'benign', scanner: violet, sizePx: 48 } as const

/** Mean of each channel. */
function meanColour(pixels: Uint8Array): [number, number, number] {
  const sums: [number, number, number] = [0, 0, 0]
  for (let i = 0; i < pixels.length; i += 3) {
    for (const c of [0, 1, 2] as const) sums[c] += pixels[i + c] ?? 0
  }
  const count = pixels.length / 3
  return [sums[0] / count, sums[1] / count, sums[2] / count]
}

describe('renderTile()', () => {
  test('gives the same bytes for the same request, others for another patient, tile or grade', () => {
    const bytes = Buffer.from(renderTile(request))
    expect(bytes.length).toBe(48 * 48 * 3)
    expect(bytes.equals(renderTile(request))).toBe(true)
    expect(bytes.equals(renderTile({ ...request, patient: 'seed/patient-2' }))).toBe(false)
    expect(bytes.equals(renderTile({ ...request, index: 1 }))).toBe(false)
    expect(bytes.equals(renderTile({ ...request, grade: 'grade-3' }))).toBe(false)
  })

  test.each(GRADES)('has the colours of H&E for %s: green is absorbed most', (grade) => {
    for (let k = 0; k < 6; k++) {
      const [red, green, blue] = meanColour(renderTile({ ...request, grade, patient: `colour-${k}` }))
      expect(green).toBeLessThan(red)
      expect(green).toBeLessThan(blue)
      expect(red).toBeLessThan(245)
      expect(green).toBeGreaterThan(60)
    }
  })

  test('has more haematoxylin the higher the grade, on the mean of patients', () => {
    const red = GRADES.map((grade) => {
      const tiles = Array.from({ length: 40 }, (_, k) =>
        renderTile({ ...request, grade, patient: `dark-${grade}-${k}` }),
      )
      return tiles.reduce((sum, tile) => sum + meanColour(tile)[0], 0) / tiles.length
    })
    // Red light is what haematoxylin takes and eosin hardly does.
    expect(red[0]).toBeGreaterThan((red[1] ?? 0) + 5)
    expect(red[0]).toBeGreaterThan((red[2] ?? 0) + 5)
    expect(red[0]).toBeGreaterThan((red[3] ?? 0) + 5)
  })

  test('shows the same tissue in another colour on another site’s scanner', () => {
    const [a, b, c] = [0, 1, 2].map((i) => {
      const scanner = siteScanner(i, createRandom('scanner'))
      return meanColour(renderTile({ ...request, scanner }))
    })
    const distance = (p = [0, 0, 0], q = [0, 0, 0]): number =>
      Math.hypot(...p.map((value, i) => value - (q[i] ?? 0)))
    expect(distance(a, b)).toBeGreaterThan(15)
    expect(distance(b, c)).toBeGreaterThan(15)
    expect(distance(a, c)).toBeGreaterThan(15)
  })
})

describe('drawScanner()', () => {
  test('is seeded and stays within what glass and dyes can do', () => {
    expect(drawScanner(createRandom('s'))).toEqual(drawScanner(createRandom('s')))
    for (let k = 0; k < 50; k++) {
      const { haematoxylin, eosin, white } = drawScanner(createRandom(k))
      expect(Math.min(...haematoxylin, ...eosin)).toBeGreaterThan(0)
      expect(Math.max(...white)).toBeLessThanOrEqual(1)
      // Haematoxylin is told from eosin by red.
      expect(haematoxylin[0] / Math.hypot(...haematoxylin)).toBeGreaterThan(
        eosin[0] / Math.hypot(...eosin) + 0.2,
      )
    }
  })
})

describe('tilePng()', () => {
  test('is an RGB PNG of the size asked for', async () => {
    const { format, width, height, channels } = await sharp(await tilePng(request)).metadata()
    expect({ format, width, height, channels }).toEqual({ format: 'png', width: 48, height: 48, channels: 3 })
  })
})
