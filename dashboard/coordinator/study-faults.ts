/** @file What is wrong with a study that is to be created, and with the files that go with it. */
import type { GroupField } from '../components/form/fields.ts'
import { faultsOf, isValues, type Values } from '../components/form/values.ts'
import { text } from '../text/en.ts'
import { isOnnxFile } from './onnx-hints.ts'
import { FILLED_IN, type StudyFiles } from './study-to-send.ts'

/** Gives a sentence a field, by its path; `teacher` is the teacher's file. */
export function studyFaults(field: GroupField, study: Values, { teacher }: StudyFiles): Map<string, string> {
  const asked = [...faultsOf(field, study, text.form)].filter(([path]) => !FILLED_IN.has(path))
  const found = new Map(asked)
  const fault = study.teacher === undefined ? null : fileFault(study.teacher, teacher)
  if (fault !== null) found.set('teacher', fault)
  return found
}

function fileFault(described: unknown, file: File | null): string | null {
  const texts = text.newStudy
  if (file === null) return texts.teacherFile
  const isOnnx = isValues(described) && described.name === 'onnx'
  if (isOnnx === isOnnxFile(file)) return null
  return isOnnx ? texts.notOnnxFile : texts.onnxFile
}
