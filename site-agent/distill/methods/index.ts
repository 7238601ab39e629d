/** @file The methods a study can choose. Adding one: its file, its schema in shared/protocol/methods.ts, a line here. */
import { TesseraError } from '@tessera/shared/errors'
import { isClassifierTensor, sameArchitecture, type Weights } from '@tessera/shared/model'
import { createNetwork, type Network } from '@tessera/shared/model/network'
import { isMapMethod, type MapMethod, type Study } from '@tessera/shared/protocol'
import type { FrozenTeacher } from '../frozen-teacher.ts'
import { mapTeacher } from '../map-teacher.ts'
import { fedTeacher, networkTeacher, STILL, type Teacher } from '../teacher.ts'
import { createCe } from './ce.ts'
import { createCrd } from './crd.ts'
import { createKd } from './kd.ts'
import { createMapMethod } from './map-method.ts'
import { mapTermOf } from './map-terms.ts'
import type { Method, MethodState } from './method.ts'
import { createMoma } from './moma.ts'
import { momaParts, teacherWeightsOf } from './moma-parts.ts'
import { createRkd } from './rkd.ts'
import { createSp } from './sp.ts'

/** The study's teacher as a site has it: weights for a network of ours, a runtime for an ONNX file, null when the study has none. */
export type TeacherSource = Weights | FrozenTeacher | null

/**
 * Builds the study's method.
 * @param labels Class of each of the site's tiles.
 * @param state Of an earlier {@link Method.state}, null at the site's first round.
 * @throws {TesseraError} ERR_STUDY_INVALID if the method needs a teacher that the study does not have or that has other classes.
 */
export function createMethod(
  study: Study,
  source: TeacherSource,
  labels: Int32Array,
  state: MethodState | null,
): Method {
  const { method } = study
  if (method.name === 'ce') return createCe()
  if (isMapMethod(method)) return mapMethodOf(study, method, source)
  const teacher = teacherFor(study, source, state)
  const usesLogits = study.teacher?.task === 'same' && method.weights.kl > 0
  switch (method.name) {
    case 'kd':
      return createKd(method, teacher)
    case 'sp':
      return createSp(method, teacher, usesLogits)
    case 'rkd':
      return createRkd(method, teacher, usesLogits)
    case 'crd':
      return createCrd({ study, settings: method, teacher, usesLogits, labels, state })
    case 'moma':
      break
  }
  return createMoma(method, momaParts(study, method, teacher, state))
}

function mapMethodOf(study: Study, method: MapMethod, source: TeacherSource): Method {
  const given = checkedTeacher(study, source)
  if (given.teacher.name === 'onnx' || 'outputs' in given.source) {
    throw new TesseraError(
      'ERR_STUDY_INVALID',
      `teacher must be of known layers for method ${method.name}, got an ONNX file: its feature maps are not read`,
    )
  }
  const teacher = mapTeacher(createNetwork(given.teacher, given.teacher.classes), given.source)
  const usesLogits = given.teacher.task === 'same' && method.weights.kl > 0
  const term = mapTermOf(study, method, given.teacher)
  return createMapMethod(method, { teacher, usesLogits, seed: `${study.seed}/site` }, term)
}

/** The study's teacher, once it is there and fits the method. */
function checkedTeacher(
  study: Study,
  source: TeacherSource,
): { teacher: NonNullable<Study['teacher']>; source: NonNullable<TeacherSource> } {
  const { teacher, method, classes } = study
  if (!teacher || !source) {
    throw new TesseraError(
      'ERR_STUDY_INVALID',
      `study must have a teacher for method ${method.name}, got none`,
    )
  }
  if ((method.name === 'kd' || method.name === 'simkd') && teacher.task !== 'same') {
    throw new TesseraError(
      'ERR_STUDY_INVALID',
      `teacher must be of the same task for method ${method.name}, got ${teacher.task}`,
    )
  }
  const teacherClasses = teacher.name === 'onnx' ? teacher.logits?.classes : teacher.classes
  if (teacher.task === 'same' && teacherClasses !== classes.length) {
    const message = `teacher of the same task must have ${classes.length} classes, got ${teacherClasses ?? 'no logits'}`
    throw new TesseraError('ERR_STUDY_INVALID', message)
  }
  return { teacher, source }
}

function teacherFor(study: Study, given: TeacherSource, state: MethodState | null): Teacher {
  const { teacher, source } = checkedTeacher(study, given)
  const { method } = study
  if (teacher.name === 'onnx') {
    if ('outputs' in source)
      return fedTeacher(source, { features: method.name !== 'kd', logits: teacher.task === 'same' })
  } else if (!('outputs' in source)) {
    const network = createNetwork(teacher, teacher.classes)
    if (method.name !== 'moma') return networkTeacher(network, source, STILL)
    const weights = teacherWeightsOf(state) ?? source
    return networkTeacher(network, weights, {
      names: teacher.momentum === 'site' ? followedNames(study, network) : [],
      momentum: method.momentum,
      gathersStatistics: teacher.momentum !== 'global',
    })
  }
  throw new TesseraError('ERR_INTERNAL', 'internal: teacher must come as its study describes it')
}

/** Parameters of the teacher that follow the student: all of them, but the classifier only when it is for the same classes. */
function followedNames({ student, teacher }: Study, { architecture, layout }: Network): string[] {
  if (!sameArchitecture(student, architecture)) return []
  return layout.tensors
    .filter(
      ({ kind, name }) => kind === 'trainable' && (!isClassifierTensor(name) || teacher?.task === 'same'),
    )
    .map(({ name }) => name)
}
