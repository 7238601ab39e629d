/**
 * @file Weights before training, equal on every machine for the same seed.
 *
 * As torchvision's: convolutions normal with deviation √(2 / fan_out), norms 1 and 0, EfficientNet's classifier uniform in ±1/√classes,
 * biases 0. ResNet's classifier, head and attention: PyTorch's nn.Linear (weight and bias uniform in ±1/√inputs).
 * Each tensor has a random stream of its own name, so that a head of another size does not change the backbone.
 */
import { TesseraError } from '../errors.ts'
import type { Study } from '../protocol/study.ts'
import { createRandom } from '../random.ts'
import { architectureText, featureWidth, sameArchitecture } from './architecture.ts'
import { assertFits, elementCount, type Layout, type TensorSpec, type Weights } from './layout.ts'
import { isClassifierTensor, studentLayout, teacherLayout } from './layouts.ts'

/** Gives the initial weights of a layout. @param seed Any text; the tensor's name is added to it. */
export function initialWeights(layout: Layout, seed: string): Weights {
  const specs = new Map(layout.tensors.map((spec) => [spec.name, spec]))
  return new Map(layout.tensors.map((spec) => [spec.name, initialTensor(spec, specs, seed)]))
}

/**
 * Gives the student of round 0, as `study.student.initial` wants it: from the study's seed, with the teacher's backbone, or with what a
 * file gave. The teacher's classifier is taken along only when its classes are the study's (task `same`, equal counts).
 * SimKD's student has the teacher's classifier whatever it starts from.
 * @param start Of the student's backbone, with or without its classifier; for `file`.
 * @throws {TesseraError} ERR_STUDY_INVALID if SimKD's teacher is not there; if the teacher's backbone is wanted and there is none, or one of another architecture; if a file's
 * weights are wanted and there are none.
 */
export function initialStudent(study: Study, teacher: Weights | null, start: Weights | null = null): Weights {
  const begun = begunStudent(study, teacher, start)
  return study.method.name === 'simkd' ? withTeachersClassifier(begun, study, teacher) : begun
}

function begunStudent(study: Study, teacher: Weights | null, start: Weights | null): Weights {
  const seeded = initialWeights(studentLayout(study), `${study.seed}/student`)
  if (study.student.initial === 'seed') return seeded
  if (study.student.initial === 'file') {
    if (!start) {
      throw new TesseraError(
        'ERR_STUDY_INVALID',
        "study must come with weights for student.initial 'file', got none",
      )
    }
    // A classifier of its own behind trained features: as large as PyTorch's nn.Linear, or its first gradients would undo the start.
    const shrink = Math.sqrt(study.classes.length / featureWidth(study.student))
    return new Map(
      [...seeded].map(([name, values]) => {
        const own = isEfficientNetClassifier(name) ? values.map((value) => value * shrink) : values
        return [name, start.get(name)?.slice() ?? own]
      }),
    )
  }
  if (!study.teacher || study.teacher.name === 'onnx' || !teacher) {
    const got = study.teacher?.name === 'onnx' ? 'an ONNX file' : 'none'
    throw new TesseraError(
      'ERR_STUDY_INVALID',
      `study must have a teacher for student.initial 'teacher', got ${got}`,
    )
  }
  if (!sameArchitecture(study.student, study.teacher)) {
    throw new TesseraError(
      'ERR_STUDY_INVALID',
      `student must have the teacher's architecture for student.initial 'teacher', got ` +
        `${architectureText(study.student)} against ${architectureText(study.teacher)}`,
    )
  }
  assertFits('teacher', teacherLayout(study), teacher)
  const sameClasses = study.teacher.task === 'same' && study.teacher.classes === study.classes.length
  return new Map(
    [...seeded].map(([name, values]) => {
      const given = sameClasses || !isClassifierTensor(name) ? teacher.get(name) : undefined
      return [name, given ? given.slice() : values]
    }),
  )
}

/** The classifiers of two families have other names, and the same two tensors. */
function withTeachersClassifier(student: Weights, study: Study, teacher: Weights | null): Weights {
  if (!study.teacher || study.teacher.name === 'onnx' || !teacher) {
    throw new TesseraError(
      'ERR_STUDY_INVALID',
      'study must have a teacher of known layers for method simkd, got none',
    )
  }
  assertFits('teacher', teacherLayout(study), teacher)
  const partOf = (name: string): string => name.slice(name.lastIndexOf('.'))
  const classifier = new Map(
    [...teacher].flatMap(([name, values]) => (isClassifierTensor(name) ? [[partOf(name), values]] : [])),
  )
  return new Map(
    [...student].map(([name, values]) => {
      const given = isClassifierTensor(name) ? classifier.get(partOf(name)) : undefined
      return [name, given?.slice() ?? values]
    }),
  )
}

/** EfficientNet's is drawn within ±1/√classes, a ResNet's already within ±1/√features. */
function isEfficientNetClassifier(name: string): boolean {
  return isClassifierTensor(name) && name.startsWith('classifier.')
}

function initialTensor(spec: TensorSpec, specs: ReadonlyMap<string, TensorSpec>, seed: string): Float32Array {
  const { name, shape } = spec
  const values = new Float32Array(elementCount(shape))
  if (name.endsWith('.running_mean')) return values
  if (name.endsWith('.running_var')) return values.fill(1)
  const random = createRandom(`${seed}/${name}`)
  const [outputs = 1, , height = 1, width = 1] = shape

  if (shape.length === 4) {
    const deviation = Math.sqrt(2 / (outputs * height * width))
    return values.map(() => random.normal(0, deviation))
  }
  const beside = (part: string): TensorSpec | undefined => specs.get(name.replace(/[^.]+$/, part))
  if (beside('running_mean')) return values.fill(name.endsWith('.weight') ? 1 : 0)
  // A bias takes its bound from the inputs of the weight beside it; a convolution's is 0.
  const weight = beside('weight')
  if (weight?.shape.length === 4) return values
  if (name.startsWith('classifier.')) {
    if (shape.length === 1) return values
    const bound = 1 / Math.sqrt(outputs)
    return values.map(() => random.uniform(-bound, bound))
  }
  const bound = 1 / Math.sqrt(weight?.shape[1] ?? 1)
  return values.map(() => random.uniform(-bound, bound))
}
