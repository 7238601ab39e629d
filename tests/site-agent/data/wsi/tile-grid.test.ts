import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { layGrid, levelFor, regionAt } from '../../../../site-agent/data/wsi/tile-grid.ts'

const levels = [1, 4, 16].map((downsample) => ({
  width: 16_000 / downsample,
  height: 12_000 / downsample,
  downsample,
  blockSide: 256,
}))
const scanned = { x: 0, y: 0, width: 16_000, height: 12_000 }
const scale = { x: 0.25, y: 0.25 }
const grid = (more = {}) =>
  layGrid({ levels, scale, scanned, micronsPerPixel: 1, sizePx: 100, stridePx: 100, ...more })

describe('levelFor()', () => {
  test.each([
    [0.25, 0],
    [0.5, 0],
    [0.9, 0],
    [0.92, 1],
    [1, 1],
    [4, 2],
    [30, 2],
  ])('is the coarsest that is fine enough for %s µm', (wanted, level) => {
    expect(levelFor(levels, scale, wanted)).toBe(level)
  })
  test('takes a scanner that is a little coarser than wanted, and no more', () => {
    expect(levelFor(levels, { x: 0.27, y: 0.27 }, 0.25)).toBe(0)
    expect(() => levelFor(levels, { x: 0.28, y: 0.28 }, 0.25)).toThrowError(
      expect.objectContaining({
        code: 'ERR_SLIDE_SCALE',
        message: 'slide must have at most 0.25 µm per pixel, got 0.28',
      }),
    )
  })
})

describe('layGrid()', () => {
  test('reads a tile of a level’s own scale as it is stored', () => {
    expect(grid()).toMatchObject({ level: 1, width: 100, height: 100, coveredWidth: 400, coveredHeight: 400 })
    expect(regionAt(grid(), 2, 3)).toEqual({ level: 1, x: 800, y: 1200, width: 100, height: 100 })
  })
  test('reads a coarser tile from the next finer level', () => {
    expect(grid({ micronsPerPixel: 2 })).toMatchObject({ level: 1, width: 200, coveredWidth: 800 })
  })
  test('has whole tiles only', () => {
    expect(grid().lefts.length * grid().tops.length).toBe(40 * 30)
    const narrow = grid({ scanned: { ...scanned, width: 799 } })
    expect(narrow.lefts).toEqual([0])
    expect(grid({ scanned: { ...scanned, width: 399 } }).lefts).toEqual([])
  })
  test('begins where the scan begins, and overlaps with a smaller stride', () => {
    const { lefts } = grid({ scanned: { x: 1000, y: 8, width: 800, height: 800 }, stridePx: 50 })
    expect(lefts).toEqual([1000, 1200, 1400])
  })
  test('counts µm along each side by itself', () => {
    expect(grid({ scale: { x: 0.25, y: 0.2 }, micronsPerPixel: 0.5 })).toMatchObject({
      width: 200,
      height: 250,
    })
  })
  test('keeps tiles within what was scanned and on the level’s pixels', () => {
    const number = fc.double({ min: 0.1, max: 0.6, noNaN: true })
    fc.assert(
      fc.property(number, number, fc.integer({ min: 16, max: 300 }), (x, micronsPerPixel, stridePx) => {
        fc.pre(x <= micronsPerPixel)
        const { lefts, coveredWidth, level } = grid({ scale: { x, y: x }, micronsPerPixel, stridePx })
        const { downsample } = levels[level] as (typeof levels)[number]
        for (const left of lefts) {
          expect(left % downsample).toBe(0)
          expect(left + coveredWidth).toBeLessThanOrEqual(scanned.width + downsample)
        }
      }),
      { numRuns: 50 },
    )
  })
  test('refuses a slide without a level near enough with ERR_SLIDE_SCALE', () => {
    const only = levels.slice(0, 1)
    expect(() => grid({ levels: only, micronsPerPixel: 20 })).toThrowError(
      expect.objectContaining({ code: 'ERR_SLIDE_SCALE' }),
    )
  })
  test('refuses more places than a slide can have with ERR_SLIDE_TOO_LARGE', () => {
    const huge = { x: 0, y: 0, width: 1_000_000, height: 1_000_000 }
    expect(() => grid({ scanned: huge, stridePx: 16 })).toThrowError(
      expect.objectContaining({ code: 'ERR_SLIDE_TOO_LARGE' }),
    )
  })
})
