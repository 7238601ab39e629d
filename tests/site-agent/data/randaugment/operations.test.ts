import { createRandom } from '@tessera/shared/random'
import { describe, expect, test } from 'vitest'
import {
  argumentOf,
  drawOperations,
  OPERATION_NAMES,
  type Operation,
} from '../../../../site-agent/data/randaugment/operations.ts'

const TILES = 30_000
const random = createRandom('operations')
const drawn = Array.from({ length: TILES }, () => drawOperations(random))
const all = drawn.flat()
const share = (count: number, of: number): number => count / of
const ofName = (name: string): Operation[] => all.filter((operation) => operation.name === name)

// Five standard deviations of a share p among n: 5 √(p (1 − p) / n); the seed is fixed, so these cannot flicker.
const within = (p: number, n: number): number => 5 * Math.sqrt((p * (1 - p)) / n)

describe('drawOperations()', () => {
  test('carries out none, one and two operations on a quarter, a half and a quarter of the tiles', () => {
    for (const [count, want] of [0.25, 0.5, 0.25].entries()) {
      const got = share(drawn.filter(({ length }) => length === count).length, TILES)
      expect(Math.abs(got - want)).toBeLessThan(within(want, TILES))
    }
  })

  test('draws all fifteen equally often, also twice on one tile', () => {
    for (const name of OPERATION_NAMES) {
      const got = share(ofName(name).length, all.length)
      expect(Math.abs(got - 1 / 15)).toBeLessThan(within(1 / 15, all.length))
    }
    const pairs = drawn.filter(({ length }) => length === 2)
    const same = share(pairs.filter(([one, two]) => one?.name === two?.name).length, pairs.length)
    expect(Math.abs(same - 1 / 15)).toBeLessThan(within(1 / 15, pairs.length))
  })

  test('cuts half of the magnitudes at 10 and spreads the others by a half', () => {
    const degrees = ofName('rotate').map(({ argument }) => Math.abs(argument))
    const cut = share(degrees.filter((d) => d === 30).length, degrees.length)
    expect(Math.abs(cut - 0.5)).toBeLessThan(within(0.5, degrees.length))
    // One deviation (half a magnitude) is 1.5°: 15.9 % lie below 28.5°.
    const low = share(degrees.filter((d) => d < 28.5).length, degrees.length)
    expect(Math.abs(low - 0.1587)).toBeLessThan(within(0.1587, degrees.length))
  })

  test('turns either way and reads either way equally often', () => {
    const geometric = all.filter(({ name }) => /rotate|shear|translate/.test(name))
    for (const got of [
      share(geometric.filter(({ argument }) => argument < 0).length, geometric.length),
      share(geometric.filter(({ cubic }) => cubic).length, geometric.length),
    ]) {
      expect(Math.abs(got - 0.5)).toBeLessThan(within(0.5, geometric.length))
    }
  })
})

describe('argumentOf()', () => {
  test.each([
    ['rotate', 1, 30],
    ['rotate', 0.5, 15],
    ['posterize', 1, 4],
    ['posterize', 0.99, 3],
    ['solarize', 1, 256],
    ['solarize', 0.95, 243],
    ['solarize-add', 1, 110],
    ['solarize-add', 0.99, 108],
    ['color', 1, 1.9],
    ['contrast', 0.5, 1],
    ['brightness', 0, 0.1],
    ['sharpness', 1, 1.9],
    ['shear-x', 1, 0.3],
    ['translate-y', 1, 0.45],
    ['invert', 1, 0],
  ] as const)('%s at level %d is %d', (name, level, want) => {
    expect(argumentOf(name, level, false)).toBeCloseTo(want, 12)
  })

  test('only geometric operations have a direction', () => {
    const turned = OPERATION_NAMES.filter((name) => argumentOf(name, 1, true) !== argumentOf(name, 1, false))
    expect(turned).toEqual(['rotate', 'shear-x', 'shear-y', 'translate-x', 'translate-y'])
  })
})
