/** @file Asks before a study is created, then sends its files and itself. */
import type { NewStudy } from '@tessera/shared/dashboard/coordinator-api'
import type { Values } from '../components/form/values.ts'
import type { Notices } from '../components/notices.tsx'
import type { Question } from '../components/question.ts'
import { text } from '../text/en.ts'
import { api } from './api.ts'
import { type OnnxHints, onnxFlags } from './onnx-hints.ts'
import { links } from './route.ts'
import { type StudyFiles, studyToSend } from './study-to-send.ts'

export interface StudyToCreate {
  readonly study: Values
  readonly files: StudyFiles
  /** Of an ONNX teacher. */
  readonly hints: OnnxHints | undefined
}

export function createQuestion({ study, files, hints }: StudyToCreate, notices: Notices): Question {
  const texts = text.newStudy
  const id = nameOf(study)
  const { teacher, student } = files
  return {
    title: texts.question(id),
    consequences: texts.consequences,
    command: [
      `tessera coordinator study create ${texts.fileName(id)}`,
      teacher === null ? '' : ` --teacher ${teacher.name}`,
      student === null ? '' : ` --student ${student.name}`,
      onnxFlags(hints ?? {}),
    ].join(''),
    confirm: texts.create,
    act: async () => {
      const uploads: Pick<NewStudy, 'teacher' | 'student'> = {
        ...(teacher && { teacher: (await api.upload(teacher)).upload }),
        ...(student && { student: (await api.upload(student)).upload }),
      }
      const { study: created, warnings } = await api.createStudy({
        ...studyToSend(study, files, hints),
        ...uploads,
      })
      notices.tell('ok', texts.done(created))
      for (const warning of warnings) notices.tell('warn', warning)
      window.location.hash = links.study(created)
    },
  }
}

export function nameOf({ id }: Values): string {
  return typeof id === 'string' ? id : ''
}
