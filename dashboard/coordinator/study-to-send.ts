/** @file A study as the form has it becomes what `POST api/studies` takes. */
import type { NewStudy } from '@tessera/shared/dashboard/coordinator-api'
import { isOnnxFile, type OnnxHints } from './onnx-hints.ts'

export interface StudyFiles {
  readonly teacher: File | null
  readonly student: File | null
}

/** Read off the files by the coordinator: nobody types a hash, or what an ONNX file says of itself. */
export const FILLED_IN: ReadonlySet<string> = new Set([
  'teacher.sha256',
  'teacher.featureWidth',
  'teacher.input',
  'teacher.input.tensor',
  'teacher.input.sizePx',
  'teacher.input.layout',
  'teacher.input.mean',
  'teacher.input.deviation',
  'teacher.features',
  'teacher.features.tensor',
  'teacher.features.pool',
  'teacher.logits',
])

/** Leaves out what the coordinator fills in, and says when the teacher is an ONNX file. */
export function studyToSend(
  study: Readonly<Record<string, unknown>>,
  { teacher }: StudyFiles,
  hints: OnnxHints = {},
): NewStudy {
  const sent = without(study, '') as Record<string, unknown>
  return { study: sent, ...(isOnnxFile(teacher) && { onnx: hints }) }
}

function without(value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      const at = path === '' ? key : `${path}.${key}`
      return FILLED_IN.has(at) ? [] : [[key, without(inner, at)]]
    }),
  )
}
