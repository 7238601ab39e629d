import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createTileMemory } from '../../../../site-agent/data/wasm/tile-memory.ts'
import { type Picture, picturePixels } from '../../../support/jpeg-files.ts'

type Map6 = readonly [number, number, number, number, number, number]

const memory = createTileMemory()
const FILL = [1, 2, 3] as const

function warped(pixels: Uint8Array, size: number, map: Map6, cubic: boolean): Uint8Array {
  memory.clear()
  const [from, to] = [memory.take(pixels.length), memory.take(pixels.length)]
  memory.bytes(from, pixels.length).set(pixels)
  memory.kernels.warp(to, from, size, ...map, cubic, FILL[0] | (FILL[1] << 8) | (FILL[2] << 16))
  return memory.bytes(to, pixels.length).slice()
}

/** Pillow's definition, pixel by pixel and channel by channel, in double precision. */
function defined(pixels: Uint8Array, size: number, [a, b, c, d, e, f]: Map6, cubic: boolean): Uint8Array {
  const inside = (i: number): number => Math.min(size - 1, Math.max(0, i))
  return Uint8Array.from({ length: pixels.length }, (_, i) => {
    const [x, y, channel] = [Math.floor(i / 3) % size, Math.floor(i / 3 / size), i % 3]
    const u = a * (x + 0.5) + b * (y + 0.5) + c
    const v = d * (x + 0.5) + e * (y + 0.5) + f
    if (u < 0 || u >= size || v < 0 || v >= size) return FILL[channel] as number
    const [left, top] = [Math.floor(u - 0.5), Math.floor(v - 0.5)]
    const [dx, dy] = [u - 0.5 - left, v - 0.5 - top]
    const level = (column: number, row: number): number =>
      pixels[(inside(top + row) * size + inside(left + column)) * 3 + channel] as number
    if (!cubic) {
      const [above, below] = [0, 1].map((row) => level(0, row) + (level(1, row) - level(0, row)) * dx) as [
        number,
        number,
      ]
      return Math.trunc(above + (below - above) * dy)
    }
    const rows = [-1, 0, 1, 2].map((row) =>
      cubicAt(
        [-1, 0, 1, 2].map((column) => level(column, row)),
        dx,
      ),
    )
    return Math.min(255, Math.max(0, Math.trunc(cubicAt(rows, dy))))
  })
}

function cubicAt(points: readonly number[], t: number): number {
  const [p0 = 0, p1 = 0, p2 = 0, p3 = 0] = points
  return p1 + t * (p2 - p0 + t * (2 * (p0 - p1) + p2 - p3 + t * (p1 - p0 - p2 + p3)))
}

const pictures: fc.Arbitrary<Picture> = fc
  .record({
    width: fc.integer({ min: 1, max: 40 }),
    kind: fc.constantFrom('tissue', 'noise', 'edges', 'flat'),
    seed: fc.nat(),
  })
  .map(({ width, kind, seed }) => ({ width, height: width, kind, seed }))
const part = fc.double({ min: -0.5, max: 0.5, noNaN: true })
const far = fc.double({ min: -20, max: 20, noNaN: true })

/** Maps that turn, and such as move pixels in one direction, in the other, or by whole pixels only. */
const maps: fc.Arbitrary<Map6> = fc.oneof(
  fc.tuple(part, part, far, part, part, far).map(([a, b, c, d, e, f]): Map6 => [1 + a, b, c, d, 1 + e, f]),
  fc.tuple(part, far).map(([b, c]): Map6 => [1, b, c, 0, 1, 0]),
  fc.tuple(part, far).map(([d, f]): Map6 => [1, 0, 0, d, 1, f]),
  fc.tuple(fc.integer({ min: -20, max: 20 }), far).map(([c, f]): Map6 => [1, 0, c, 0, 1, f]),
  fc.tuple(far, fc.integer({ min: -20, max: 20 })).map(([c, f]): Map6 => [1, 0, c, 0, 1, f]),
  // Quarters: sums that are whole numbers, or miss them by a rounding of doubles.
  fc
    .tuple(fc.integer({ min: -40, max: 40 }), fc.integer({ min: -40, max: 40 }))
    .map(([c, f]): Map6 => [1, 0, c / 4, 0, 1, f / 4]),
)

describe('warp()', () => {
  test.each([false, true])('gives the bytes of its definition in double precision (cubic: %s)', (cubic) => {
    fc.assert(
      fc.property(pictures, maps, (picture, map) => {
        const pixels = picturePixels(picture)
        const got = warped(pixels, picture.width, map, cubic)
        expect(Buffer.compare(got, defined(pixels, picture.width, map, cubic))).toBe(0)
      }),
      { numRuns: 150 },
    )
  })
})
