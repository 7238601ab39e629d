import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { completeConfig, type DemoConfig } from '../../../simulations/runner/config.ts'
import { drawnTiles, planRun, type RunPlan } from '../../../simulations/runner/plan.ts'
import type { SourceTile } from '../../../simulations/runner/source-tiles.ts'

const DATA = [{ dir: 'tiles', micronsPerPx: null }]
const real = (flags: Partial<DemoConfig> = {}): DemoConfig => completeConfig({ data: DATA, ...flags }, false)

/** `perClass` tiles a class and site in groups of two. */
function collection(sites: readonly string[], classes: readonly string[], perClass: number): SourceTile[] {
  return sites.flatMap((site) =>
    classes.flatMap((label) =>
      Array.from(
        { length: perClass },
        (_, i): SourceTile => ({
          site,
          label,
          group: `${site}/${label}/${Math.floor(i / 2)}`,
          picture: { kind: 'file', path: `${site}/${label}/${i}`, micronsPerPx: null, sha256: '' },
        }),
      ),
    ),
  )
}
const id = ({ picture }: SourceTile): string =>
  picture.kind === 'file' ? picture.path : `${picture.patient}/${picture.index}`
const parts = (plan: RunPlan): SourceTile[][] => [
  [...plan.teacher],
  ...plan.sites.flatMap(({ train, test }) => [[...train], [...test]]),
]

describe('planRun()', () => {
  test('puts every tile in one place, and no group in two', () => {
    const settings = fc.record({
      partition: fc.constantFrom(null, 'iid', 'dirichlet:1'),
      testShare: fc.double({ min: 0.15, max: 0.6, noNaN: true }),
      seed: fc.string({ minLength: 1 }),
    })
    fc.assert(
      fc.property(settings, (flags) => {
        const tiles = collection(['a', 'b', 'c'], ['x', 'y', 'z'], 24)
        const plan = planRun(tiles, [], real(flags))
        const all = parts(plan)
        expect(all.flat().map(id).toSorted()).toEqual(tiles.map(id).toSorted())
        const owners = new Map<string, number>()
        for (const [i, part] of all.entries()) {
          for (const { group } of part) {
            expect(owners.get(group) ?? i).toBe(i)
            owners.set(group, i)
          }
        }
      }),
      { numRuns: 50 },
    )
  })

  test('is the same for the same seed', () => {
    const tiles = collection(['a', 'b'], ['x', 'y'], 40)
    expect(planRun(tiles, [], real({ seed: 's' }))).toEqual(planRun(tiles, [], real({ seed: 's' })))
    expect(planRun(tiles, [], real({ seed: 's' }))).not.toEqual(planRun(tiles, [], real({ seed: 't' })))
  })

  test('sets 30 % of the largest site aside for the teacher, or the share of the one named', () => {
    const tiles = [...collection(['small'], ['x', 'y'], 20), ...collection(['large'], ['x', 'y'], 40)]
    const largest = planRun(tiles, [], real())
    expect(largest.teacher.map(({ site }) => site)).toEqual(Array.from({ length: 24 }, () => 'large'))
    const named = planRun(tiles, [], real({ teacherFrom: { site: 'small', share: 0.5 } }))
    expect(named.teacher.map(({ site }) => site)).toEqual(Array.from({ length: 20 }, () => 'small'))
  })

  test('takes a group that reaches over two sites along with the teacher', () => {
    const tiles = collection(['a', 'b'], ['x', 'y'], 20).map((tile) => ({
      ...tile,
      group: tile.group.slice(2),
    }))
    const plan = planRun(tiles, [], real({ teacherFrom: { site: 'a', share: 0.5 } }))
    const taken = new Set(plan.teacher.map(({ group }) => group))
    expect(
      plan.sites.flatMap(({ train, test }) => [...train, ...test]).some((tile) => taken.has(tile.group)),
    ).toBe(false)
  })

  test('leaves the sites alone when the teacher has tiles of its own', () => {
    const tiles = collection(['a', 'b'], ['x', 'y'], 10)
    const teacher = collection(['t'], ['x', 'y'], 10)
    const plan = planRun(tiles, teacher, real())
    expect(plan.teacher).toEqual(teacher)
    expect(plan.sites.map(({ train, test }) => train.length + test.length)).toEqual([20, 20])
  })

  test('keeps classes of the teacher’s own apart from the sites’', () => {
    const tiles = collection(['a', 'b'], ['x', 'y'], 10)
    const plan = planRun(tiles, collection(['t'], ['u', 'v', 'w'], 4), real())
    expect([plan.classes, plan.teacherClasses]).toEqual([
      ['x', 'y'],
      ['u', 'v', 'w'],
    ])
    expect(planRun(tiles, collection(['t'], ['x', 'y'], 4), real()).teacherClasses).toEqual(['x', 'y'])
  })

  const refusal = (message: RegExp): unknown =>
    expect.objectContaining({ code: 'ERR_CONFIG_INVALID', message: expect.stringMatching(message) })
  test('refuses an unknown site, one site alone, a site with one class, a bad name and a teacher that lacks a class', () => {
    const two = collection(['a', 'b'], ['x', 'y'], 10)
    expect(() => planRun(two, [], real({ teacherFrom: { site: 'c', share: 0.5 } }))).toThrowError(
      refusal(/must name a site of the data \(a, b\), got c/),
    )
    expect(() => planRun(collection(['a'], ['x', 'y'], 10), [], real())).toThrowError(
      refusal(/at least 2 sites/),
    )
    const lopsided = [...collection(['a'], ['x', 'y'], 20), ...collection(['b'], ['x'], 10)]
    expect(() => planRun(lopsided, [], real())).toThrowError(refusal(/site b must have 2 classes/))
    expect(() => planRun(collection(['A', 'b'], ['x', 'y'], 10), [], real())).toThrowError(refusal(/got A$/))
    expect(() => planRun(two, collection(['t'], ['x'], 10), real())).toThrowError(refusal(/got none of y/))
  })
})

describe('drawnTiles()', () => {
  test('asks for every class alike, in whole patients, and others for the teacher', () => {
    const config = completeConfig({ patients: 24, tilesPerPatient: 3 }, false)
    const { tiles, teacher } = drawnTiles(config)
    expect(tiles).toHaveLength(72)
    for (const label of ['benign', 'grade-1', 'grade-2', 'grade-3'])
      expect(tiles.filter((tile) => tile.label === label)).toHaveLength(18)
    const patients = new Set(tiles.map(({ group }) => group))
    expect(patients.size).toBe(24)
    expect(teacher.some(({ group }) => patients.has(group))).toBe(false)
  })
})
