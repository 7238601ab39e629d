/** @file Creating a study: the operator's JSON and the teacher's file are checked, the initial student is computed and stored. */
import { readFile, stat } from 'node:fs/promises'
import { type Clock, systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import {
  decodeModel,
  encodeSafetensors,
  initialStudent,
  layoutHash,
  studentLayout,
  teacherLayout,
  type Weights,
} from '@tessera/shared/model'
import type { OnnxHints } from '@tessera/shared/model/onnx'
import { MAX_MODEL_BYTES, type Study, study as studySchema } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import { z } from 'zod'
import { loadCoordinator } from '../config.ts'
import { modelFiles, readEvents, submit } from '../store/index.ts'
import { isOnnxTeacher, withOnnxTeacher } from './onnx-teacher.ts'
import { assertRunnable } from './rules.ts'

/**
 * Creates a study.
 * @param options.study As a person writes it (StudyInput). `teacher.sha256` may be left out: it is the file's.
 * @param options.teacherFile safetensors file of the teacher, float32, torchvision's names; or an ONNX file, `.onnx`.
 * @param options.onnx What an ONNX file does not say of itself.
 * @throws {TesseraError} ERR_ONNX_FILE, ERR_ONNX_UNCLEAR, ERR_STUDY_INVALID, ERR_STUDY_EXISTS, ERR_MODEL_HASH, ERR_MODEL_FILE, ERR_LAYOUT_MISMATCH.
 */
export async function createStudy(options: {
  dir: string
  study: unknown
  teacherFile?: string | undefined
  onnx?: OnnxHints | undefined
  clock?: Clock | undefined
}): Promise<{ study: Study; layoutHash: string; student: string }> {
  const { dir, teacherFile, onnx = {}, clock = systemClock } = options
  await loadCoordinator(dir)
  const teacherBytes = teacherFile === undefined ? null : await readModelFile(teacherFile)
  const written =
    teacherFile !== undefined && teacherBytes !== null && isOnnxTeacher(teacherFile, options.study)
      ? withOnnxTeacher(options.study, teacherBytes, onnx)
      : options.study
  const study = parseStudy(written, teacherBytes)
  assertRunnable(study)
  const known = (await readEvents(dir)).some(
    (event) => event.type === 'study.created' && event.study.id === study.id,
  )
  if (known) throw new TesseraError('ERR_STUDY_EXISTS', `study must be new, got ${study.id} that exists`)

  const teacher = checkTeacher(study, teacherBytes)
  const layout = studentLayout(study)
  const models = modelFiles(dir)
  if (teacherBytes !== null) await models.save(teacherBytes)
  const student = await models.save(encodeSafetensors(layout, initialStudent(study, teacher)))
  const created = { study, layoutHash: layoutHash(layout), student }
  await submit(dir, { type: 'study.created', ...created, atMs: clock.now() })
  return created
}

/** Reads a study as JSON and fills in its defaults. @throws {TesseraError} ERR_STUDY_INVALID naming each field that is wrong. */
export function parseStudy(value: unknown, teacherBytes: Uint8Array | null): Study {
  const result = studySchema.safeParse(withTeacherHash(value, teacherBytes))
  if (result.success) return result.data
  const faults = result.error.issues.map(({ path, message }) => `${path.join('.') || 'study'}: ${message}`)
  throw new TesseraError('ERR_STUDY_INVALID', `study must fit its schema, got ${faults.join('; ')}`)
}

const withTeacher = z.looseObject({ teacher: z.looseObject({ sha256: z.undefined().optional() }) })

function withTeacherHash(value: unknown, teacherBytes: Uint8Array | null): unknown {
  const lacking = withTeacher.safeParse(value)
  if (teacherBytes === null || !lacking.success) return value
  return { ...lacking.data, teacher: { ...lacking.data.teacher, sha256: sha256Hex(teacherBytes) } }
}

/** The teacher's weights, once its file is the one the study names and has the shape the study says; null for an ONNX file. */
function checkTeacher(study: Study, bytes: Uint8Array | null): Weights | null {
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
  return study.teacher.name === 'onnx' ? null : decodeModel(bytes, teacherLayout(study))
}

async function readModelFile(file: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(file)
    if (size <= MAX_MODEL_BYTES) return await readFile(file)
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code
    throw new TesseraError('ERR_MODEL_FILE', `teacher file must be readable, got ${reason}`, { cause })
  }
  throw new TesseraError(
    'ERR_MODEL_FILE',
    `teacher file must have at most ${MAX_MODEL_BYTES} bytes, got more`,
  )
}
