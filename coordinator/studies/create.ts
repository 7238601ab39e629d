/** @file Creating a study: the operator's JSON and the teacher's file are checked, the initial student is computed and stored. */
import { type Clock, systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { readModelFile } from '@tessera/shared/files'
import {
  type Checkpoint,
  checkpointOrigin,
  decodeCheckpoint,
  decodeTeacher,
  encodeSafetensors,
  initialStudent,
  layoutHash,
  type Naming,
  studentLayout,
} from '@tessera/shared/model'
import type { OnnxHints } from '@tessera/shared/model/onnx'
import { type Study, study as studySchema } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import { z } from 'zod'
import { loadCoordinator } from '../config.ts'
import { modelFiles, readEvents, submit } from '../store/index.ts'
import { isOnnxTeacher, withOnnxTeacher } from './onnx-teacher.ts'
import { signPlan } from './plan.ts'
import { assertRunnable } from './rules.ts'
import { studyWarnings } from './warnings.ts'

/**
 * Creates a study.
 * @param options.study As a person writes it (StudyInput). `teacher.sha256` may be left out: it is the file's. So may `flavour`: it
 * follows from the names of the file's tensors.
 * @param options.teacherFile safetensors file of the teacher in torchvision's, timm's or efficientnet_pytorch's names; or an ONNX file, `.onnx`.
 * @param options.studentFile safetensors file of the student, for `student.initial` `file`. A classifier of other classes is left out.
 * @param options.onnx What an ONNX file does not say of itself.
 * @throws {TesseraError} ERR_ONNX_FILE, ERR_ONNX_UNCLEAR, ERR_STUDY_INVALID, ERR_STUDY_EXISTS, ERR_MODEL_HASH, ERR_MODEL_FILE, ERR_LAYOUT_MISMATCH.
 */
export async function createStudy(options: {
  dir: string
  study: unknown
  teacherFile?: string | undefined
  studentFile?: string | undefined
  onnx?: OnnxHints | undefined
  clock?: Clock | undefined
}): Promise<CreatedStudy> {
  const { dir, teacherFile, studentFile, onnx = {}, clock = systemClock } = options
  const { key } = await loadCoordinator(dir)
  const teacherBytes = teacherFile === undefined ? null : await readModelFile('teacher', teacherFile)
  const studentBytes = studentFile === undefined ? null : await readModelFile('student', studentFile)
  const study =
    teacherFile !== undefined && teacherBytes !== null && isOnnxTeacher(teacherFile, options.study)
      ? parseStudy(withOnnxTeacher(options.study, teacherBytes, onnx), null, studentBytes)
      : parseStudy(options.study, teacherBytes, studentBytes)
  assertRunnable(study)
  const known = (await readEvents(dir)).some(
    (event) => event.type === 'study.created' && event.study.id === study.id,
  )
  if (known) throw new TesseraError('ERR_STUDY_EXISTS', `study must be new, got ${study.id} that exists`)

  const teacher = checkTeacher(study, teacherBytes)
  const start = checkStart(study, studentBytes)
  const layout = studentLayout(study)
  const models = modelFiles(dir)
  if (teacherBytes !== null) await models.save(teacherBytes)
  const student = await models.save(
    encodeSafetensors(layout, initialStudent(study, teacher?.weights ?? null, start?.weights ?? null)),
  )
  const created = { study, layoutHash: layoutHash(layout), student, atMs: clock.now() }
  const plan = await signPlan(created, key)
  await submit(dir, { type: 'study.created', ...created, plan })
  return {
    study,
    layoutHash: created.layoutHash,
    student,
    plan: sha256Hex(plan),
    namings: { teacher: teacher?.naming, student: start?.naming },
    ownClassifier: start?.classifier === false,
    warnings: studyWarnings(study),
  }
}

export interface CreatedStudy {
  readonly study: Study
  readonly layoutHash: string
  /** SHA-256 of the initial student. */
  readonly student: string
  /** SHA-256 of the plan's text. */
  readonly plan: string
  /** Whose names the given files had. */
  readonly namings: { readonly teacher: Naming | undefined; readonly student: Naming | undefined }
  /** True when the student's file had no classifier for the study's classes, so that it comes from the seed. */
  readonly ownClassifier: boolean
  /** What the operator should know of its choices. */
  readonly warnings: readonly string[]
}

/**
 * Reads a study as JSON and fills in its defaults, and what its files tell.
 * @throws {TesseraError} ERR_STUDY_INVALID naming each field that is wrong; ERR_MODEL_FILE, ERR_LAYOUT_MISMATCH if a file is no model.
 */
export function parseStudy(
  value: unknown,
  teacherBytes: Uint8Array | null,
  studentBytes: Uint8Array | null = null,
): Study {
  const result = studySchema.safeParse(completed(value, teacherBytes, studentBytes))
  if (result.success) return result.data
  const faults = result.error.issues.map(({ path, message }) => `${path.join('.') || 'study'}: ${message}`)
  throw new TesseraError('ERR_STUDY_INVALID', `study must fit its schema, got ${faults.join('; ')}`)
}

const unknown = z.unknown().optional()
const lacking = z.looseObject({
  teacher: z.looseObject({ sha256: unknown, flavour: unknown }).optional(),
  student: z.looseObject({ initial: unknown, flavour: unknown }).optional(),
})

/** With the teacher's hash and both flavours as the files have them, where the study does not say. */
function completed(value: unknown, teacher: Uint8Array | null, student: Uint8Array | null): unknown {
  const parsed = lacking.safeParse(value)
  if (!parsed.success) return value
  const study = parsed.data
  const ofTeacher = study.teacher && teacher ? flavourOf(teacher) : {}
  const started = { teacher: ofTeacher, file: student ? flavourOf(student) : {} }
  const initial = study.student?.initial
  const ofStudent = initial === 'teacher' || initial === 'file' ? started[initial] : {}
  return {
    ...study,
    ...(study.teacher && {
      teacher: { ...(teacher && { sha256: sha256Hex(teacher) }), ...ofTeacher, ...given(study.teacher) },
    }),
    ...(study.student && { student: { ...ofStudent, ...given(study.student) } }),
  }
}

const given = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

/** Nothing for torchvision's: a study that does not name it has the hash it always had. */
function flavourOf(bytes: Uint8Array): { flavour?: string } {
  const { flavour } = checkpointOrigin(bytes)
  return flavour === 'torchvision' ? {} : { flavour }
}

/** The teacher, once its file is the one the study names and has the shape the study says; null for an ONNX file. */
function checkTeacher(study: Study, bytes: Uint8Array | null): Checkpoint | null {
  if (study.teacher === undefined) {
    if (bytes === null) return null
    throw new TesseraError('ERR_STUDY_INVALID', 'study must describe its teacher, got a teacher file only')
  }
  if (bytes === null) {
    throw new TesseraError(
      'ERR_STUDY_INVALID',
      'study with a teacher must come with the teacher file, got none',
    )
  }
  const got = sha256Hex(bytes)
  if (got !== study.teacher.sha256) {
    throw new TesseraError(
      'ERR_MODEL_HASH',
      `teacher file must have SHA-256 ${study.teacher.sha256}, got ${got}`,
    )
  }
  // An ONNX file has been read to fill in the study.
  return study.teacher.name === 'onnx' ? null : decodeTeacher(bytes, study)
}

/** What the student starts from, when that is a file. */
function checkStart({ student, classes }: Study, bytes: Uint8Array | null): Checkpoint | null {
  if (student.initial !== 'file') {
    if (bytes === null) return null
    throw new TesseraError(
      'ERR_STUDY_INVALID',
      `student.initial must be file for a student file, got ${student.initial}`,
    )
  }
  if (bytes === null) {
    throw new TesseraError(
      'ERR_STUDY_INVALID',
      'student.initial file must come with the student file, got none',
    )
  }
  return decodeCheckpoint(bytes, student, classes.length, { classifier: 'optional' })
}
