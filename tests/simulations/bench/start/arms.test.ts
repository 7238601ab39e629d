import { describe, expect, test } from 'vitest'
import { START_ARMS, startStudy } from '../../../../simulations/bench/start/arms.ts'
import { completeConfig } from '../../../../simulations/runner/config.ts'

const architecture = {
  name: 'efficientnet-lite0',
  widthMultiplier: 1,
  depthMultiplier: 1,
  flavour: 'timm-tf',
} as const
const config = completeConfig({ start: { file: 'f', sha256: 'a'.repeat(64), architecture } }, false)
const classes = ['x', 'y']
const study = (name: string) => {
  const arm = START_ARMS.find((one) => one.name === name)
  if (arm === undefined) throw new Error(`no arm ${name}`)
  const teacher = arm.teacherFrom === null ? null : { sha256: 'b'.repeat(64), classes }
  return startStudy(config, classes, arm, teacher)
}

describe('START_ARMS', () => {
  test('are both origins of teacher and student, with and without MoMA, teachers before who learns from them', () => {
    expect(START_ARMS.map(({ name }) => name)).toEqual([
      'teacher-chance',
      'teacher-file',
      'student-chance-ce',
      'student-file-ce',
      'student-chance-moma-chance',
      'student-file-moma-chance',
      'student-chance-moma-file',
      'student-file-moma-file',
    ])
  })
})

describe('startStudy()', () => {
  test.each(START_ARMS.map(({ name, from }) => [name, from] as const))(
    '%s begins from %s, in the file’s network',
    (name, from) => {
      expect(study(name).student).toMatchObject({
        ...architecture,
        initial: from === 'file' ? 'file' : 'seed',
      })
    },
  )
  test('one seed is the same chance and the same order of tiles for every student', () => {
    const students = START_ARMS.filter(({ isTeacher }) => !isTeacher).map(({ name }) => study(name))
    expect(new Set(students.map(({ seed }) => seed)).size).toBe(1)
    expect(new Set(students.map(({ training }) => JSON.stringify(training))).size).toBe(1)
  })
  test('cross-entropy arms have no teacher, MoMA arms a frozen one of the same task', () => {
    expect(study('student-file-ce')).toMatchObject({ method: { name: 'ce' } })
    expect(study('student-file-ce').teacher).toBeUndefined()
    expect(study('student-chance-moma-file')).toMatchObject({
      method: { name: 'moma' },
      teacher: { ...architecture, task: 'same', momentum: 'frozen' },
    })
  })
})
