import { describe, expect, test } from 'vitest'
import { completeConfig } from '../../../simulations/runner/config.ts'
import { planRun } from '../../../simulations/runner/plan.ts'
import type { SourceTile } from '../../../simulations/runner/source-tiles.ts'
import { momaStudy, sameTask } from '../../../simulations/runner/studies.ts'

const sha256 = 'a'.repeat(64)

function tiles(site: string, labels: readonly string[]): SourceTile[] {
  return labels.flatMap((label) =>
    Array.from({ length: 8 }, (_, i): SourceTile => {
      const group = `${site}-${label}-${i}`
      return { site, label, group, picture: { kind: 'drawn', patient: group, index: 0 } }
    }),
  )
}

describe('momaStudy()', () => {
  const config = completeConfig({}, false)
  test('has a KL term when the teacher knows the same classes in the same order', () => {
    const study = momaStudy({ config, classes: ['x', 'y'] }, { sha256, classes: ['x', 'y'] }, 3)
    expect(study.teacher).toMatchObject({ task: 'same', classes: 2 })
  })
  test.each([[['y', 'x']], [['x', 'y', 'z']], [['u', 'v']]])(
    'a teacher of %j is of another task',
    (classes) => {
      const study = momaStudy({ config, classes: ['x', 'y'] }, { sha256, classes }, 3)
      expect(study.teacher).toMatchObject({ task: 'different', classes: classes.length })
    },
  )
})

describe('planRun()', () => {
  const sites = [...tiles('north', ['x', 'y']), ...tiles('south', ['x', 'y'])]
  const config = completeConfig({ data: [{ dir: 'd', micronsPerPx: null }] }, false)
  test('gives a teacher of other tiles its own classes, by name', () => {
    const plan = planRun(sites, tiles('library', ['v', 'u']), config)
    expect(plan.classes).toEqual(['x', 'y'])
    expect(plan.teacherClasses).toEqual(['u', 'v'])
    expect(plan.teacher).toHaveLength(16)
  })
  test('keeps the study’s classes for a teacher of the same task', () => {
    const plan = planRun(sites, tiles('library', ['y', 'x']), config)
    expect(sameTask(plan.classes, plan.teacherClasses)).toBe(true)
  })
})
