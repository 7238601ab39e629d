import { describe, expect, test } from 'vitest'
import { deltaBytes, federationStudy, peerShapes } from '../../../../simulations/bench/federation/studies.ts'

const count = (shapes: readonly (readonly number[])[]): number =>
  shapes.reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0)

describe('federationStudy()', () => {
  test('waits for every site, every round', () => {
    expect(federationStudy('small', 20).federation).toMatchObject({ minSites: 20, quorum: 20 })
  })
})

describe('deltaBytes()', () => {
  test('is what the names of the models say', () => {
    expect(deltaBytes('small')).toBe(4 * 6378)
    expect(deltaBytes('21mb')).toBe(4 * 5_330_564)
    expect(deltaBytes('250mb') / 1e6).toBeCloseTo(250, -1)
  })
})

describe('peerShapes()', () => {
  test("are EfficientNet-B0's 213 trained tensors, with torchvision's 5,288,548 parameters", () => {
    const shapes = peerShapes('21mb', false)
    expect(shapes).toHaveLength(213)
    expect(count(shapes)).toBe(5_288_548)
  })
  test('are as many bytes as our delta in one tensor', () => {
    expect(4 * count(peerShapes('21mb', true))).toBe(deltaBytes('21mb'))
  })
  test('of the small model are a hundred numbers', () => {
    expect(peerShapes('small', true)).toEqual([[100]])
  })
})
