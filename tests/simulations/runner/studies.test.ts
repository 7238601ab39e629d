import { describe, expect, test } from 'vitest'
import { completeConfig, configDigest } from '../../../simulations/runner/config.ts'
import { planRun } from '../../../simulations/runner/plan.ts'
import type { SourceTile } from '../../../simulations/runner/source-tiles.ts'
import { crossEntropyStudy, momaStudy, sameTask, teacherStudy } from '../../../simulations/runner/studies.ts'

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

describe('a run with a file to start from', () => {
  const architecture = {
    name: 'efficientnet-lite0',
    widthMultiplier: 1,
    depthMultiplier: 1,
    flavour: 'efficientnet-pytorch',
  } as const
  const config = completeConfig({ start: { file: 'lite0.safetensors', sha256, architecture } }, false)
  const shape = { config, classes: ['x', 'y'] }
  test('has its network for the teacher and every student, all from the file', () => {
    const own = momaStudy(shape, { sha256, classes: ['x', 'y'] }, 3)
    for (const { student } of [own, teacherStudy(shape), crossEntropyStudy(shape, 3)]) {
      expect(student).toMatchObject({ ...architecture, initial: 'file' })
    }
    expect(own.teacher).toMatchObject(architecture)
  })
  test.each([
    ['teacher', 'file', 'seed'],
    ['student', 'seed', 'file'],
    ['none', 'seed', 'seed'],
  ] as const)('for %s: the other starts by chance, in the same network', (startFor, teacher, student) => {
    const own = { config: { ...config, startFor }, classes: ['x', 'y'] }
    expect(teacherStudy(own).student).toMatchObject({ ...architecture, initial: teacher })
    for (const study of [momaStudy(own, { sha256, classes: ['x', 'y'] }, 3), crossEntropyStudy(own, 3)])
      expect(study.student).toMatchObject({ ...architecture, initial: student })
  })
  test('is another run than one from chance, which keeps its folder', () => {
    expect(configDigest(config)).not.toBe(configDigest(completeConfig({}, false)))
  })
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
