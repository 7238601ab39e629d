/** @file What is compared to tell what a file of weights is worth as a start: each of teacher and student from the file, or by chance in the same network. */
import type { Study } from '@tessera/shared/protocol'
import type { DemoConfig } from '../../runner/config.ts'
import { crossEntropyStudy, momaStudy, type TeacherFile, teacherStudy } from '../../runner/studies.ts'

export const ORIGINS = ['chance', 'file'] as const
export type Origin = (typeof ORIGINS)[number]

export interface StartArm {
  /** Name of its stage and its model file. */
  readonly name: string
  /** Row of the table; the columns are the origins. */
  readonly row: string
  /** Of what is trained here. */
  readonly from: Origin
  /** Of the teacher that it learns from; null: by cross-entropy alone. */
  readonly teacherFrom: Origin | null
  readonly isTeacher: boolean
}

/** Teachers before the students that learn from them. */
export const START_ARMS: readonly StartArm[] = [
  ...ORIGINS.map((from) => ({
    name: teacherName(from),
    row: 'teacher, cross-entropy',
    from,
    teacherFrom: null,
    isTeacher: true,
  })),
  ...ORIGINS.map((from) => ({
    name: `student-${from}-ce`,
    row: 'student, cross-entropy',
    from,
    teacherFrom: null,
    isTeacher: false,
  })),
  ...ORIGINS.flatMap((teacherFrom) =>
    ORIGINS.map((from) => ({
      name: `student-${from}-moma-${teacherFrom}`,
      row: `student, MoMA, teacher from ${teacherFrom === 'file' ? 'the file' : 'chance'}`,
      from,
      teacherFrom,
      isTeacher: false,
    })),
  ),
]

/** Name of the arm that trains the teacher of that origin. */
export function teacherName(from: Origin): string {
  return `teacher-${from}`
}

/** @param teacher Of an arm that has one. */
export function startStudy(
  config: DemoConfig,
  classes: readonly string[],
  { from, isTeacher }: StartArm,
  teacher: TeacherFile | null,
): Study {
  const who = isTeacher ? 'teacher' : 'student'
  const shape = { config: { ...config, startFor: from === 'file' ? who : 'none' } as const, classes }
  if (isTeacher) return teacherStudy(shape)
  // One site has all: the study is trained in one place.
  return teacher === null ? crossEntropyStudy(shape, 1) : momaStudy(shape, teacher, 1)
}
