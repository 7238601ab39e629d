import { createHash } from 'node:crypto'
import {
  assertFits,
  backboneLayout,
  initialStudent,
  initialWeights,
  studentLayout,
  teacherLayout,
  type Weights,
} from '@tessera/shared/model'
import { describe, expect, test } from 'vitest'
import { b0, momaStudy, tiny } from './support.ts'

function values(weights: Weights, name: string): Float32Array {
  return weights.get(name) ?? new Float32Array()
}

function deviation(sample: Float32Array): number {
  return Math.sqrt(sample.reduce((sum, x) => sum + x * x, 0) / sample.length)
}

describe('initialWeights()', () => {
  const weights = initialWeights(backboneLayout(b0, 10), 'a seed')
  const student = initialWeights(studentLayout(momaStudy()), 'a seed')

  test('fits the layout', () => {
    assertFits('weights', backboneLayout(b0, 10), weights)
  })

  test('draws convolutions with deviation √(2 / fan_out); a depthwise filter counts all its channels', () => {
    // The deviation of n draws is off by 1/√(2n): below 1 % for these.
    const last = values(weights, 'features.8.0.weight')
    expect(deviation(last) / Math.sqrt(2 / 1280)).toBeCloseTo(1, 2)
    const depthwise = values(weights, 'features.6.1.block.1.0.weight')
    expect(deviation(depthwise) / Math.sqrt(2 / (1152 * 25))).toBeCloseTo(1, 1)
  })

  test('starts norms as the identity and biases at 0', () => {
    expect(new Set(values(weights, 'features.0.1.weight'))).toEqual(new Set([1]))
    expect(new Set(values(weights, 'features.0.1.running_var'))).toEqual(new Set([1]))
    for (const name of [
      'features.0.1.bias',
      'features.0.1.running_mean',
      'features.1.0.block.1.fc1.bias',
      'classifier.1.bias',
    ]) {
      expect(new Set(values(weights, name)), name).toEqual(new Set([0]))
    }
  })

  test('draws the classifier within ±1/√classes, head and attention within ±1/√inputs', () => {
    const bounds = {
      'student_head.fc1.weight': 128,
      'student_head.fc2.bias': 128,
      'attention_query.qkv.weight': 16,
      'attention_query.qkv.bias': 16,
      'classifier.1.weight': 3,
    }
    for (const [name, width] of Object.entries(bounds)) {
      const largest = Math.max(...values(student, name).map(Math.abs))
      expect(largest, name).toBeLessThanOrEqual(1 / Math.sqrt(width))
      expect(largest, name).toBeGreaterThan(0.8 / Math.sqrt(width))
    }
  })

  test('is the same for the same seed and another for another', () => {
    expect(initialWeights(backboneLayout(tiny, 3), 'x')).toEqual(initialWeights(backboneLayout(tiny, 3), 'x'))
    expect(initialWeights(backboneLayout(tiny, 3), 'x')).not.toEqual(
      initialWeights(backboneLayout(tiny, 3), 'y'),
    )
  })

  test('gives the bits that it gave before there were other networks than B0', () => {
    const hash = createHash('sha256')
    for (const tensor of student.values()) hash.update(new Uint8Array(tensor.buffer))
    expect(hash.digest('hex')).toBe('a7ef419c0cf0f9c6d58d7f45da6b74d44c099a8a06a6d444e208af67880d77a9')
  })

  test('draws a ResNet by the same rules, its classifier within ±1/√features', () => {
    const resnet = initialWeights(
      backboneLayout({ name: 'resnet-18', widthMultiplier: 0.25, depthMultiplier: 0.5 }, 10),
      'a seed',
    )
    expect(new Set(values(resnet, 'layer1.0.bn1.weight'))).toEqual(new Set([1]))
    expect(new Set(values(resnet, 'layer2.0.downsample.1.bias'))).toEqual(new Set([0]))
    const spread = deviation(values(resnet, 'layer4.0.conv2.weight'))
    expect(spread / Math.sqrt(2 / (128 * 9))).toBeCloseTo(1, 1)
    for (const part of ['weight', 'bias']) {
      const largest = Math.max(...values(resnet, `fc.${part}`).map(Math.abs))
      expect(largest).toBeLessThanOrEqual(1 / Math.sqrt(128))
      expect(largest).toBeGreaterThan(0.5 / Math.sqrt(128))
    }
  })

  test('gives a tensor the same values whatever else the layout has', () => {
    const plain = initialWeights(backboneLayout(tiny, 3), 'a seed')
    for (const [name, tensor] of plain) expect(student.get(name)).toEqual(tensor)
  })
})

describe('initialStudent()', () => {
  const study = momaStudy()
  const teacher = initialWeights(teacherLayout(study), 'another seed')

  test("takes the teacher's backbone and classifier when the task is the same", () => {
    const student = initialStudent(study, teacher)
    assertFits('student', studentLayout(study), student)
    for (const [name, tensor] of teacher) {
      expect(student.get(name)).toEqual(tensor)
      expect(student.get(name)).not.toBe(tensor)
    }
  })

  test('takes what a file gave, and for a classifier that it did not give one within ±1/√features', () => {
    const own = { ...study, student: { ...study.student, initial: 'file' as const } }
    const start = new Map([...teacher].filter(([name]) => !name.startsWith('classifier.')))
    const student = initialStudent(own, null, start)
    assertFits('student', studentLayout(own), student)
    for (const [name, tensor] of start) expect(student.get(name)).toEqual(tensor)
    const largest = Math.max(...values(student, 'classifier.1.weight').map(Math.abs))
    expect(largest).toBeLessThanOrEqual(1 / Math.sqrt(128))
    expect(largest).toBeGreaterThan(0.9 / Math.sqrt(128))
    expect(initialStudent(own, null, teacher).get('classifier.1.weight')).toEqual(
      teacher.get('classifier.1.weight'),
    )
    expect(() => initialStudent(own, null)).toThrow(
      "study must come with weights for student.initial 'file', got none",
    )
  })

  test("keeps its own classifier when the teacher's task or number of classes differs", () => {
    for (const change of [{ classes: 5 }, { task: 'different' as const }]) {
      const other = { ...study, teacher: study.teacher && { ...study.teacher, ...change } }
      const given = initialWeights(teacherLayout(other), 'another seed')
      const student = initialStudent(other, given)
      const seeded = initialStudent({ ...other, student: { ...other.student, initial: 'seed' } }, null)
      expect(student.get('classifier.1.weight')).toEqual(seeded.get('classifier.1.weight'))
      expect(student.get('features.0.0.weight')).toEqual(given.get('features.0.0.weight'))
    }
  })

  test("has the teacher's classifier for SimKD, of another family too, whatever it starts from", () => {
    const resnet = { ...tiny, name: 'resnet-18', sha256: 'a'.repeat(64), task: 'same', classes: 3 } as const
    const reused = momaStudy({ method: { name: 'simkd' }, teacher: resnet, student: { ...tiny } })
    const given = initialWeights(teacherLayout(reused), 'another seed')
    const start = initialWeights(backboneLayout(tiny, 3), 'a start')
    for (const initial of ['seed', 'file'] as const) {
      const own = { ...reused, student: { ...reused.student, initial } }
      const student = initialStudent(own, given, start)
      assertFits('student', studentLayout(own), student)
      expect(student.get('classifier.1.weight')).toEqual(given.get('fc.weight'))
      expect(student.get('classifier.1.bias')).toEqual(given.get('fc.bias'))
      expect(student.get('classifier.1.bias')).not.toBe(given.get('fc.bias'))
    }
    expect(() => initialStudent(reused, null)).toThrow(
      'study must have a teacher of known layers for method simkd, got none',
    )
  })

  test('comes from the seed of the study otherwise', () => {
    const seeded = { ...study, student: { ...study.student, initial: 'seed' as const } }
    expect(initialStudent(seeded, teacher)).toEqual(initialStudent(seeded, null))
    expect(initialStudent(seeded, null)).not.toEqual(initialStudent({ ...seeded, seed: 'other' }, null))
  })

  test('says ERR_STUDY_INVALID when the architectures differ', () => {
    const wider = { ...study, student: { ...study.student, widthMultiplier: 0.5 } }
    expect(() => initialStudent(wider, teacher)).toThrow(
      expect.objectContaining({
        code: 'ERR_STUDY_INVALID',
        message:
          "student must have the teacher's architecture for student.initial 'teacher', got efficientnet-b0 width=0.5 depth=0.1 against efficientnet-b0 width=0.1 depth=0.1",
      }),
    )
  })

  test('says ERR_STUDY_INVALID when there is no teacher', () => {
    expect(() => initialStudent(study, null)).toThrow(expect.objectContaining({ code: 'ERR_STUDY_INVALID' }))
  })

  test('says ERR_LAYOUT_MISMATCH when the weights are not those of the teacher', () => {
    expect(() => initialStudent(study, new Map())).toThrow(
      expect.objectContaining({ code: 'ERR_LAYOUT_MISMATCH' }),
    )
  })
})
