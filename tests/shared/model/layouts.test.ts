import {
  type Architecture,
  backboneLayout,
  elementCount,
  featureWidth,
  type Layout,
  layoutHash,
  studentLayout,
  teacherLayout,
} from '@tessera/shared/model'
import type { Study, StudyInput } from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'
import { b0, momaStudy, tiny } from './support.ts'

function trainableCount(layout: Layout): number {
  return layout.tensors
    .filter(({ kind }) => kind === 'trainable')
    .reduce((sum, { shape }) => sum + elementCount(shape), 0)
}

describe('backboneLayout()', () => {
  // torchvision's, but for Lite0, which is timm's.
  test.each<[Architecture['name'], number]>([
    ['efficientnet-b0', 5_288_548],
    ['efficientnet-b1', 7_794_184],
    ['efficientnet-b2', 9_109_994],
    ['efficientnet-b3', 12_233_232],
    ['efficientnet-b4', 19_341_616],
    ['efficientnet-lite0', 4_652_008],
    ['resnet-18', 11_689_512],
    ['resnet-50', 25_557_032],
  ])('has the published number of parameters for %s with 1000 classes', (name, count) => {
    expect(trainableCount(backboneLayout({ ...b0, name }, 1000))).toBe(count)
  })

  test('keeps the hashes of studies made before there were other networks than B0', () => {
    const hashes = [
      backboneLayout(b0, 1000),
      backboneLayout({ ...b0, widthMultiplier: 0.25, depthMultiplier: 0.34 }, 4),
      studentLayout(momaStudy()),
    ].map(layoutHash)
    expect(hashes).toEqual([
      '0771906eff7d283e1226b6f45d8308b23da6703481a2d18b0a0313c2010bba81',
      'b93f0ccef6410ead768946577f7fa34a6094223b23ece23b753680826d21eadc',
      'b7de3697830453c42d883ef9a9bd59fdd1c2aebd28b39f187ed9d80c590f99ff',
    ])
  })

  test('has another hash where the flavour is another, and the same where it is torchvision', () => {
    const hash = (flavour: Architecture['flavour']): string =>
      layoutHash(backboneLayout({ ...b0, flavour }, 10))
    expect(hash('torchvision')).toBe(layoutHash(backboneLayout(b0, 10)))
    const all = (['torchvision', 'timm-tf', 'efficientnet-pytorch'] as const).map(hash)
    expect(new Set(all).size).toBe(3)
  })

  test('has D + 1 parameters more for each class', () => {
    const more = trainableCount(backboneLayout(tiny, 7)) - trainableCount(backboneLayout(tiny, 6))
    expect(more).toBe(featureWidth(tiny) + 1)
  })

  test("has torchvision's names: a block without expansion counts its parts one lower", () => {
    const names = backboneLayout(b0, 4).tensors.map(({ name }) => name)
    expect(names.slice(0, 6)).toEqual([
      'features.0.0.weight',
      'features.0.1.weight',
      'features.0.1.bias',
      'features.0.1.running_mean',
      'features.0.1.running_var',
      'features.1.0.block.0.0.weight',
    ])
    expect(names).toContain('features.1.0.block.1.fc1.weight')
    expect(names).toContain('features.6.3.block.2.fc2.bias')
    expect(names).toContain('features.6.3.block.3.1.running_var')
    expect(names.slice(-2)).toEqual(['classifier.1.weight', 'classifier.1.bias'])
    expect(new Set(names).size).toBe(names.length)
  })

  test('marks running means and variances as statistics, all else as trainable', () => {
    for (const { name, kind } of backboneLayout(tiny, 2).tensors) {
      expect(kind).toBe(/running_(mean|var)$/.test(name) ? 'statistic' : 'trainable')
    }
  })
})

describe('studentLayout()', () => {
  test('is the backbone without MoMA', () => {
    const study = momaStudy({ method: { name: 'ce' } })
    expect(studentLayout(study)).toEqual(backboneLayout(tiny, 3))
  })

  test('adds the head and the attention of the query for MoMA', () => {
    const added = studentLayout(momaStudy()).tensors.slice(backboneLayout(tiny, 3).tensors.length)
    expect(Object.fromEntries(added.map(({ name, shape }) => [name, shape]))).toEqual({
      'student_head.fc1.weight': [128, 128],
      'student_head.fc1.bias': [128],
      'student_head.fc2.weight': [16, 128],
      'student_head.fc2.bias': [16],
      'attention_query.qkv.weight': [48, 16],
      'attention_query.qkv.bias': [48],
      'attention_query.proj.weight': [16, 16],
      'attention_query.proj.bias': [16],
    })
  })

  test('ends as wide as the teacher for SimKD, with a classifier that no delta holds', () => {
    const study = momaStudy({
      method: { name: 'simkd', factor: 4 },
      teacher: { ...tiny, name: 'resnet-18', sha256: 'a'.repeat(64), task: 'same', classes: 3 },
      student: { ...tiny },
    })
    const { architecture, tensors } = studentLayout(study)
    const width = featureWidth({ ...tiny, name: 'resnet-18' })
    expect(architecture).toContain(`projector=${width / 4}x${width}`)
    expect(tensors.filter(({ kind }) => kind === 'local-only')).toEqual([
      { name: 'classifier.1.weight', shape: [3, width], kind: 'local-only' },
      { name: 'classifier.1.bias', shape: [3], kind: 'local-only' },
    ])
    const projector = tensors.filter(({ name }) => name.startsWith('projector.'))
    expect(projector.map(({ name }) => name.split('.')[1]).join('')).toBe('011113444467777')
    expect(layoutHash(studentLayout(study))).not.toBe(
      layoutHash(studentLayout({ ...study, method: { ...study.method, factor: 2 } as Study['method'] })),
    )
  })

  test('has no attention where MoMA has none, and for CRD an embedding of either side', () => {
    const added = (method: StudyInput['method']): unknown =>
      studentLayout(momaStudy({ method }))
        .tensors.slice(backboneLayout(tiny, 3).tensors.length)
        .map(({ name, shape }) => `${name} ${shape.join()}`)
    expect(added({ name: 'moma', featureDim: 16, attention: 'none' })).toEqual([
      'student_head.fc1.weight 128,128',
      'student_head.fc1.bias 128',
      'student_head.fc2.weight 16,128',
      'student_head.fc2.bias 16',
    ])
    expect(added({ name: 'crd', featureDim: 16 })).toEqual([
      'student_embed.weight 16,128',
      'student_embed.bias 16',
      'teacher_embed.weight 16,128',
      'teacher_embed.bias 16',
    ])
    expect(() => studentLayout(momaStudy({ method: { name: 'crd' }, teacher: undefined }))).toThrow(
      'study must have a teacher for method crd, got none',
    )
  })

  test('has another hash when only the number of heads differs', () => {
    const hash = (heads: number): string =>
      layoutHash(studentLayout(momaStudy({ method: { name: 'moma', featureDim: 16, heads } })))
    expect(hash(2)).not.toBe(hash(4))
  })
})

describe('teacherLayout()', () => {
  test("has the teacher's own number of classes", () => {
    const study = momaStudy()
    const teacher = study.teacher && { ...study.teacher, task: 'different' as const, classes: 9 }
    expect(teacherLayout({ ...study, teacher })).toEqual(backboneLayout(tiny, 9))
  })

  test('says ERR_STUDY_INVALID when there is no teacher', () => {
    expect(() => teacherLayout(momaStudy({ teacher: undefined }))).toThrow(
      expect.objectContaining({
        code: 'ERR_STUDY_INVALID',
        message: 'study must have a teacher, got none',
      }),
    )
  })
})
