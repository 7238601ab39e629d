import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createStudy, exportStudy, initCoordinator } from '@tessera/coordinator'
import { modelFiles, readEvents } from '@tessera/coordinator/store'
import { studyFaults, studyWarnings } from '@tessera/coordinator/studies'
import {
  backboneLayout,
  decodeModel,
  describeNetwork,
  encodeSafetensors,
  initialWeights,
  layoutHash,
  renamedLayout,
  studentLayout,
} from '@tessera/shared/model'
import type { OnnxHints } from '@tessera/shared/model/onnx'
import { type StudyInput, study as studySchema } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { classifierBytes } from '../../support/onnx-models.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { codeOf, TINY_STUDY } from '../raw-site.ts'

const NARROW = { name: 'efficientnet-b0', widthMultiplier: 0.1, depthMultiplier: 0.1 } as const
const TEACHER = { ...NARROW, task: 'same', classes: 2 } as const
const FLAGS: OnnxHints = { mean: [0, 0, 0], deviation: [1, 1, 1] }
const MOMA_STUDY = {
  ...TINY_STUDY,
  id: 'distilled',
  method: { name: 'moma', featureDim: 16, heads: 4, queueSize: 32 },
  teacher: TEACHER,
}

async function made() {
  const dir = await temporaryFolder()
  await initCoordinator({ dir })
  const layout = backboneLayout(NARROW, 2)
  const bytes = encodeSafetensors(layout, initialWeights(layout, 'teacher'))
  const teacherFile = join(dir, 'teacher.safetensors')
  await writeFile(teacherFile, bytes)
  return { dir, teacherFile, bytes }
}

describe('createStudy()', () => {
  test('fills in defaults, stores the initial student and logs the study', async () => {
    const { dir } = await made()
    const { study, student, layoutHash: hash } = await createStudy({ dir, study: TINY_STUDY })
    expect(study.training).toMatchObject({ rounds: 2, batchSize: 64 })
    expect(hash).toBe(layoutHash(studentLayout(study)))
    decodeModel(await modelFiles(dir).load(student), studentLayout(study))
    expect((await readEvents(dir))[0]).toMatchObject({ type: 'study.created', student, layoutHash: hash })
  })

  test("takes the teacher's hash from its file, stores the file and can begin with its backbone", async () => {
    const { dir, teacherFile, bytes } = await made()
    const input = { ...MOMA_STUDY, student: { ...NARROW, initial: 'teacher' } }
    const { study, student } = await createStudy({ dir, study: input, teacherFile })
    expect(study.teacher?.sha256).toBe(sha256Hex(bytes))
    expect(Buffer.from(await modelFiles(dir).load(sha256Hex(bytes)))).toEqual(Buffer.from(bytes))
    const weights = decodeModel(await modelFiles(dir).load(student), studentLayout(study))
    const teacher = decodeModel(bytes, backboneLayout(NARROW, 2))
    expect(weights.get('features.0.0.weight')).toEqual(teacher.get('features.0.0.weight'))
  })

  test.each(['timm', 'efficientnet_pytorch'] as const)(
    'takes a teacher in %s names as it is, and the flavour from its names',
    async (naming) => {
      const { dir, teacherFile } = await made()
      const layout = backboneLayout(NARROW, 2)
      const weights = initialWeights(layout, 'teacher')
      const renamed = renamedLayout(naming, describeNetwork(NARROW, 2), layout)
      const bytes = encodeSafetensors(
        renamed,
        new Map([...weights.values()].map((values, i) => [renamed.tensors[i]?.name ?? '', values])),
      )
      await writeFile(teacherFile, bytes)
      const input = { ...MOMA_STUDY, student: { ...NARROW, initial: 'teacher' } }
      const { study, student, namings } = await createStudy({ dir, study: input, teacherFile })
      expect(namings).toEqual({ teacher: naming, student: undefined })
      const flavour = naming === 'timm' ? undefined : 'efficientnet-pytorch'
      expect(study.teacher).toMatchObject(flavour === undefined ? { name: NARROW.name } : { flavour })
      expect(study.student.flavour).toBe(flavour)
      expect(study.teacher?.sha256).toBe(sha256Hex(bytes))
      const started = decodeModel(await modelFiles(dir).load(student), studentLayout(study))
      for (const [name, values] of weights) expect(started.get(name)).toEqual(values)
    },
  )

  test('begins with the backbone of a student file, and with its classifier when that is for as many classes', async () => {
    const { dir, teacherFile: studentFile, bytes } = await made()
    const start = decodeModel(bytes, backboneLayout(NARROW, 2))
    for (const [id, classes] of [
      ['two', ['a', 'b']],
      ['three', ['a', 'b', 'c']],
    ] as const) {
      const input = { ...TINY_STUDY, id, classes, student: { ...NARROW, initial: 'file' } }
      const { study, student, namings, ownClassifier } = await createStudy({ dir, study: input, studentFile })
      const weights = decodeModel(await modelFiles(dir).load(student), studentLayout(study))
      expect(weights.get('features.0.0.weight')).toEqual(start.get('features.0.0.weight'))
      expect(namings.student).toBe('torchvision')
      expect(ownClassifier).toBe(classes.length === 3)
      if (!ownClassifier) expect(weights.get('classifier.1.weight')).toEqual(start.get('classifier.1.weight'))
    }
  })

  test('refuses a student file that the study does not begin with, and a study that begins with none', async () => {
    const { dir, teacherFile: studentFile } = await made()
    expect(await codeOf(createStudy({ dir, study: TINY_STUDY, studentFile }))).toBe('ERR_STUDY_INVALID')
    const study = { ...TINY_STUDY, student: { ...NARROW, initial: 'file' } }
    expect(await codeOf(createStudy({ dir, study }))).toBe('ERR_STUDY_INVALID')
  })

  test.each([
    [
      'fields that do not fit, naming each',
      { training: { rounds: 0 }, classes: ['one'] },
      'ERR_STUDY_INVALID',
    ],
    ['an unknown field', { extra: 1 }, 'ERR_STUDY_INVALID'],
    ['a teacher without its file', { teacher: { ...TEACHER, sha256: 'a'.repeat(64) } }, 'ERR_STUDY_INVALID'],
    ['a quorum that minSites cannot reach', { federation: { minSites: 2, quorum: 3 } }, 'ERR_STUDY_INVALID'],
    [
      'a quorum that its cohort cannot reach',
      { federation: { minSites: 3, quorum: 3, cohort: { size: 2 } } },
      'ERR_STUDY_INVALID',
    ],
    [
      'a cohort of more sites than a round may have',
      { federation: { cohort: { size: 600, overSelect: 600 } } },
      'ERR_STUDY_INVALID',
    ],
    [
      'late updates that are older than any',
      { federation: { late: { maxStaleness: 101 } } },
      'ERR_STUDY_INVALID',
    ],
  ])('refuses %s', async (_, changes, code) => {
    const { dir } = await made()
    expect(await codeOf(createStudy({ dir, study: { ...TINY_STUDY, ...changes } }))).toBe(code)
  })

  test.each([
    ['another file than the one named', { sha256: 'a'.repeat(64) }, 'ERR_MODEL_HASH'],
    ['another architecture than the one described', { widthMultiplier: 1 }, 'ERR_LAYOUT_MISMATCH'],
    ['another number of classes than described', { classes: 3, task: 'different' }, 'ERR_LAYOUT_MISMATCH'],
  ])('refuses a teacher that is %s', async (_, changes, code) => {
    const { dir, teacherFile } = await made()
    const study = { ...MOMA_STUDY, teacher: { ...TEACHER, ...changes } }
    expect(await codeOf(createStudy({ dir, study, teacherFile }))).toBe(code)
    expect(await readEvents(dir)).toEqual([])
  })

  test('refuses a teacher file that is none, and one without a description', async () => {
    const { dir, teacherFile } = await made()
    const nowhere = createStudy({ dir, study: MOMA_STUDY, teacherFile: join(dir, 'nowhere') })
    expect(await codeOf(nowhere)).toBe('ERR_MODEL_FILE')
    expect(await codeOf(createStudy({ dir, study: TINY_STUDY, teacherFile }))).toBe('ERR_STUDY_INVALID')
    await writeFile(teacherFile, 'not a model')
    expect(await codeOf(createStudy({ dir, study: MOMA_STUDY, teacherFile }))).toBe('ERR_MODEL_FILE')
  })

  test('fills in an ONNX teacher from its file and the flags, and stores the file as it is', async () => {
    const { dir } = await made()
    const bytes = classifierBytes({ inputs: [{ name: 'image', shape: ['batch', 3, 'h', 'w'] }] }, 6, 2)
    const teacherFile = join(dir, 'teacher.onnx')
    await writeFile(teacherFile, bytes)
    const onnx = { sizePx: 24, mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] } satisfies OnnxHints
    const input = { ...MOMA_STUDY, teacher: { task: 'same' } }
    const { study } = await createStudy({ dir, study: input, teacherFile, onnx })
    expect(study.teacher).toEqual({
      name: 'onnx',
      sha256: sha256Hex(bytes),
      task: 'same',
      momentum: 'frozen',
      featureWidth: 6,
      input: { tensor: 'image', layout: 'nchw', ...onnx },
      features: { tensor: 'flat', pool: 'none' },
      logits: { tensor: 'scores', classes: 2 },
    })
    expect(Buffer.from(await modelFiles(dir).load(sha256Hex(bytes)))).toEqual(Buffer.from(bytes))
    // What has been filled in can be written out, and then needs no flags.
    const { study: again } = await createStudy({ dir, study: { ...study, id: 'again' }, teacherFile })
    expect(again.teacher).toEqual(study.teacher)
  })

  test.each([
    ['that does not say what must be known', {}, {}, 'ERR_ONNX_UNCLEAR'],
    ['that shall follow the student', { momentum: 'site' }, FLAGS, 'ERR_STUDY_INVALID'],
    ['of another hash', { sha256: 'a'.repeat(64) }, FLAGS, 'ERR_MODEL_HASH'],
    ['without a task', { task: undefined, features: { tensor: 'flat' } }, FLAGS, 'ERR_STUDY_INVALID'],
  ])('refuses an ONNX teacher %s', async (_, changes, onnx, code) => {
    const { dir } = await made()
    const teacherFile = join(dir, 'teacher.onnx')
    await writeFile(teacherFile, classifierBytes({}, 6, 2))
    const input = { ...MOMA_STUDY, teacher: { task: 'same', ...changes } }
    expect(await codeOf(createStudy({ dir, study: input, teacherFile, onnx }))).toBe(code)
  })

  test('refuses an ONNX teacher that is none, and a student that shall begin with its backbone', async () => {
    const { dir } = await made()
    const teacherFile = join(dir, 'teacher.onnx')
    const input = { ...MOMA_STUDY, teacher: { task: 'same' } }
    await writeFile(teacherFile, 'not a model')
    expect(await codeOf(createStudy({ dir, study: input, teacherFile }))).toBe('ERR_ONNX_FILE')
    await writeFile(teacherFile, classifierBytes({}, 6, 2))
    const copied = { ...input, student: { ...NARROW, initial: 'teacher' } }
    expect(await codeOf(createStudy({ dir, study: copied, teacherFile, onnx: FLAGS }))).toBe(
      'ERR_STUDY_INVALID',
    )
  })

  test('refuses an id that exists', async () => {
    const { dir } = await made()
    await createStudy({ dir, study: TINY_STUDY })
    expect(await codeOf(createStudy({ dir, study: TINY_STUDY }))).toBe('ERR_STUDY_EXISTS')
  })
})

describe('studyFaults()', () => {
  const faults = (changes: Partial<StudyInput>): string[] =>
    studyFaults(studySchema.parse({ ...TINY_STUDY, ...changes }))
  const sha256 = 'a'.repeat(64)

  const ONNX: StudyInput['teacher'] = {
    name: 'onnx',
    sha256,
    task: 'same',
    featureWidth: 8,
    input: { tensor: 'x', sizePx: 32, layout: 'nchw', mean: [0, 0, 0], deviation: [1, 1, 1] },
    features: { tensor: 'features', pool: 'none' },
    logits: { tensor: 'logits', classes: 2 },
  }

  test('a study that can be run has none', () => {
    expect(faults({})).toEqual([])
    for (const name of ['fitnet', 'attention-transfer', 'vid', 'semckd', 'simkd'] as const) {
      expect(faults({ method: { name }, teacher: { ...TEACHER, sha256 } })).toEqual([])
    }
    expect(faults({ method: { name: 'moma' }, teacher: { ...TEACHER, sha256 } })).toEqual([])
    const attention = 'none'
    const without = { name: 'moma', featureDim: 10, heads: 4, attention } as const
    expect(faults({ method: without, teacher: { ...TEACHER, sha256 } })).toEqual([])
    for (const name of ['sp', 'rkd', 'crd'] as const)
      expect(
        faults({ method: { name }, teacher: { ...TEACHER, sha256, task: 'different', classes: 9 } }),
      ).toEqual([])
  })
  test.each<[string, Partial<StudyInput>, string]>([
    ['a class twice', { classes: ['a', 'a'] }, 'classes'],
    [
      'a median of two',
      { federation: { minSites: 2, quorum: 2, strategy: { name: 'median' } } },
      'the median of two sites is their mean',
    ],
    [
      'a trimmed mean that trims nobody',
      { federation: { minSites: 9, quorum: 9, strategy: { name: 'trimmed-mean', trim: 0.1 } } },
      'nothing is left out',
    ],
    [
      'order statistics of deltas that are paid in parts',
      { federation: { minSites: 5, quorum: 5, strategy: { name: 'median' }, encoding: 'int8' } },
      'encoding must be f32',
    ],
    [
      'a teacher of another width that is to become the mean of the students',
      {
        method: { name: 'moma' },
        teacher: { ...TEACHER, sha256, widthMultiplier: 0.2, momentum: 'global' },
      },
      "teacher of the student's architecture",
    ],
    [
      'batch norms of which that mean would have the initial ones',
      {
        student: NARROW,
        method: { name: 'moma' },
        teacher: { ...TEACHER, sha256, momentum: 'global' },
        federation: { strategy: { name: 'fedbn' } },
      },
      'batch norms that are published',
    ],
    ['moma without a teacher', { method: { name: 'moma' } }, 'teacher'],
    [
      'kd from another task',
      { method: { name: 'kd' }, teacher: { ...TEACHER, sha256, task: 'different' } },
      'same task',
    ],
    [
      'the same task with other classes',
      { method: { name: 'kd' }, teacher: { ...TEACHER, sha256, classes: 5 } },
      '2 classes',
    ],
    [
      'a ResNet with the padding of an EfficientNet',
      { student: { name: 'resnet-18', flavour: 'timm-tf' } },
      'student.flavour must be torchvision for a ResNet, got timm-tf',
    ],
    [
      'feature maps of an ONNX file',
      { method: { name: 'fitnet' }, teacher: ONNX },
      'method fitnet must have a teacher of known layers, got an ONNX file',
    ],
    [
      'the classifier of another task',
      { method: { name: 'simkd' }, teacher: { ...TEACHER, sha256, task: 'different' } },
      'method simkd must have a teacher of the same task',
    ],
    [
      'regressors to a teacher of 2048 channels',
      { method: { name: 'semckd' }, teacher: { name: 'resnet-50', sha256, task: 'same', classes: 2 } },
      'at most 640 channels for method semckd, got 2048',
    ],
    [
      'likenesses within a batch of three',
      {
        method: { name: 'semckd' },
        teacher: { ...TEACHER, sha256 },
        training: { rounds: 2, batchSize: 3 },
      },
      'training.batchSize must be at least 4 for method semckd, got 3',
    ],
    ['a backbone of no teacher', { student: { ...NARROW, initial: 'teacher' } }, 'student.initial'],
    [
      'a feature width that the heads do not divide',
      { method: { name: 'moma', featureDim: 10, heads: 4 }, teacher: { ...TEACHER, sha256 } },
      'method.heads',
    ],
    [
      'relations of more tiles than memory has room for',
      {
        method: { name: 'rkd' },
        teacher: { ...TEACHER, sha256 },
        training: { rounds: 1, batchSize: 129 },
      },
      'training.batchSize must be at most 128 for method rkd, got 129',
    ],
    ['crd without a teacher', { method: { name: 'crd' } }, 'method crd must have a teacher'],
  ])('names %s', (_, changes, word) => {
    expect(faults(changes)).toEqual([expect.stringContaining(word)])
  })
})

describe('exportStudy()', () => {
  test('before the first round there is nothing to export: ERR_MODEL_UNKNOWN', async () => {
    const { dir } = await made()
    await createStudy({ dir, study: TINY_STUDY })
    expect(await codeOf(exportStudy({ dir, study: 'tiny', out: dir }))).toBe('ERR_MODEL_UNKNOWN')
    expect(await codeOf(exportStudy({ dir, study: 'other', out: dir }))).toBe('ERR_STUDY_UNKNOWN')
  })
})

describe('initCoordinator()', () => {
  test('makes settings and a key, once', async () => {
    const { dir } = await made()
    expect(JSON.parse(await readFile(join(dir, 'coordinator.json'), 'utf8'))).toMatchObject({ version: 1 })
    expect(await codeOf(initCoordinator({ dir }))).toBe('ERR_CONFIG_INVALID')
  })
  test('refuses an address that is none', async () => {
    expect(await codeOf(initCoordinator({ dir: await temporaryFolder(), url: 'ftp://x' }))).toBe(
      'ERR_CONFIG_INVALID',
    )
  })
})

describe('studyWarnings()', () => {
  const warnings = (federation: StudyInput['federation']): string[] =>
    studyWarnings(studySchema.parse({ ...TINY_STUDY, federation }))

  test('the defaults, and every strategy that means, have none', () => {
    for (const name of ['fedavg', 'fedavgm', 'fedadam', 'fedyogi', 'fedprox', 'moon'] as const)
      expect(warnings({ strategy: { name } })).toEqual([])
  })
  test.each<[string, StudyInput['federation'], string]>([
    ['median', { strategy: { name: 'median' } }, '20 to 28 times'],
    ['trimmed mean', { strategy: { name: 'trimmed-mean' } }, '20 to 28 times'],
    ['fedbn', { strategy: { name: 'fedbn' } }, 'batch norms'],
    ['no guard', { guards: { adaptiveNorm: 'off' } }, 'maxNorm 100'],
  ])('%s has one', (_, federation, words) => {
    expect(warnings(federation)).toEqual([expect.stringContaining(words)])
  })
  test.each([
    [0.999, 3, ['after 3 rounds 100 % of the teacher is what it was at the start']],
    [0.9, 3, []],
    [0.999, 300, []],
  ])('a global teacher of momentum %d over %d rounds: %j', (momentum, rounds, words) => {
    const study = studySchema.parse({
      ...TINY_STUDY,
      teacher: { ...TEACHER, sha256: '0'.repeat(64), momentum: 'global' },
      method: { name: 'moma', momentum },
      training: { rounds },
    })
    expect(studyWarnings(study)).toEqual(words.map((text) => expect.stringContaining(text)))
  })
  test('createStudy() hands them out', async () => {
    const { dir } = await made()
    const study = { ...TINY_STUDY, federation: { strategy: { name: 'fedbn' } } }
    expect((await createStudy({ dir, study })).warnings).toHaveLength(1)
  })
})
