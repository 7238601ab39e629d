/** @file The methods a study can choose. Adding one: its file, its schema in shared/protocol/study.ts, a line here. */
import { TesseraError } from '@tessera/shared/errors'
import type { Weights } from '@tessera/shared/model'
import { createNetwork } from '@tessera/shared/model/network'
import type { Study } from '@tessera/shared/protocol'
import type { Teacher } from '../teacher.ts'
import { createCe } from './ce.ts'
import { createKd } from './kd.ts'
import type { Method, MethodState } from './method.ts'
import { createMoma } from './moma.ts'
import { momaParts, teacherWeightsOf } from './moma-parts.ts'

/**
 * Builds the study's method.
 * @param weights Of the study's teacher, null when the study has none.
 * @param state Of an earlier {@link Method.state}, null at the site's first round.
 * @throws {TesseraError} ERR_STUDY_INVALID if the method needs a teacher that the study does not have or that has other classes.
 */
export function createMethod(study: Study, weights: Weights | null, state: MethodState | null): Method {
  const { method } = study
  if (method.name === 'ce') return createCe()
  if (method.name === 'kd') return createKd(method, teacherFor(study, weights))
  const teacher = teacherFor(study, teacherWeightsOf(state) ?? weights)
  return createMoma(method, momaParts(study, method, teacher, state))
}

function teacherFor(study: Study, weights: Weights | null): Teacher {
  const { teacher, method, classes } = study
  if (!teacher || !weights) {
    throw new TesseraError(
      'ERR_STUDY_INVALID',
      `study must have a teacher for method ${method.name}, got none`,
    )
  }
  if (method.name === 'kd' && teacher.task !== 'same') {
    throw new TesseraError(
      'ERR_STUDY_INVALID',
      `teacher must be of the same task for method kd, got ${teacher.task}`,
    )
  }
  if (teacher.task === 'same' && teacher.classes !== classes.length) {
    const message = `teacher of the same task must have ${classes.length} classes, got ${teacher.classes}`
    throw new TesseraError('ERR_STUDY_INVALID', message)
  }
  return { network: createNetwork(teacher, teacher.classes), weights }
}
