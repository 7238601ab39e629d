import {
  decodeCheckpoint,
  decodeSafetensors,
  encodeSafetensors,
  initialStudent,
  initialWeights,
  studentArchitecture,
  studentLayout,
  teacherLayout,
} from '@tessera/shared/model'
import { describeOnnx, METADATA, readOnnxModel } from '@tessera/shared/model/onnx'
import { type StudyInput, study as studySchema } from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'
import { exportFiles } from '../../../coordinator/studies/export-files.ts'
import { thrownBy } from '../../support/errors.ts'
import { TINY_STUDY } from '../raw-site.ts'

const STUDENT = { name: 'efficientnet-b0', widthMultiplier: 0.1, depthMultiplier: 0.1 } as const

function exported(changes: Partial<StudyInput> = {}) {
  const study = studySchema.parse({
    ...TINY_STUDY,
    method: { name: 'moma', featureDim: 16, heads: 4, queueSize: 32 },
    teacher: { ...STUDENT, sha256: 'a'.repeat(64), task: 'same', classes: 2 },
    ...changes,
  })
  const weights = initialStudent(study, null)
  return {
    study,
    weights,
    round: 2,
    student: 'b'.repeat(64),
    bytes: encodeSafetensors(studentLayout(study), weights),
  }
}

describe('exportFiles()', () => {
  test('gives the published file itself as safetensors in torchvision’s names', () => {
    const student = exported()
    expect(exportFiles(student, 'safetensors', 'torchvision')).toEqual(
      new Map([['student.safetensors', student.bytes]]),
    )
  })
  test.each(['timm', 'efficientnet_pytorch'] as const)('gives the network alone in %s’s names', (naming) => {
    const student = exported()
    const [[file, bytes] = ['', new Uint8Array()], ...others] = exportFiles(student, 'safetensors', naming)
    expect([file, others]).toEqual([`student-${naming.replace('_', '-')}.safetensors`, []])
    const read = decodeCheckpoint(bytes, student.study.student, 2)
    expect(read.naming).toBe(naming)
    for (const [name, values] of read.weights) expect(values, name).toEqual(student.weights.get(name))
    expect(decodeSafetensors(bytes).metadata).toMatchObject({
      [METADATA.classes]: JSON.stringify(student.study.classes),
      [METADATA.mean]: '0.485,0.456,0.406',
      [METADATA.deviation]: '0.229,0.224,0.225',
      [METADATA.round]: '2',
      [METADATA.student]: student.student,
    })
  })
  test('of a study with fedbn, gives safetensors that say whose batch norms they are, and nothing that is ready to run', () => {
    const student = exported({ federation: { strategy: { name: 'fedbn' } } })
    expect(exportFiles(student, 'safetensors', 'torchvision').get('student.safetensors')).toBe(student.bytes)
    const named = exportFiles(student, 'safetensors', 'timm').get('student-timm.safetensors')
    expect(decodeSafetensors(named ?? new Uint8Array()).metadata).toMatchObject({
      [METADATA.batchNorms]: 'initial',
    })
    for (const format of ['onnx', 'tfjs'] as const) {
      expect(thrownBy(() => exportFiles(student, format, 'torchvision'))).toMatchObject({
        code: 'ERR_USAGE',
        message: expect.stringContaining(`must be exported as safetensors, got ${format}`),
      })
    }
    const other = exportFiles(exported(), 'safetensors', 'timm').get('student-timm.safetensors')
    expect(decodeSafetensors(other ?? new Uint8Array()).metadata).not.toHaveProperty(METADATA.batchNorms)
  })
  test('gives an ONNX file that can be a teacher without a word more', () => {
    const { study, ...student } = exported()
    const bytes =
      exportFiles({ study, ...student }, 'onnx', 'torchvision').get('student.onnx') ?? new Uint8Array()
    expect(describeOnnx(readOnnxModel(bytes), 2, {})).toMatchObject({
      input: { tensor: 'images', sizePx: study.tile.sizePx, layout: 'nchw', mean: [0.485, 0.456, 0.406] },
      features: { tensor: 'features', pool: 'none' },
      logits: { tensor: 'logits', classes: 2 },
    })
    expect(describeOnnx(readOnnxModel(bytes), null, {})).not.toHaveProperty('logits')
  })
  test('gives a TensorFlow.js model in a folder of its own', () => {
    const files = exportFiles(exported(), 'tfjs', 'torchvision')
    expect([...files.keys()]).toEqual(['student-tfjs/model.json', 'student-tfjs/group1-shard1of1.bin'])
  })
  test('gives the network that answers for SimKD: with its projector, in no other library’s names', () => {
    const study = studySchema.parse({
      ...TINY_STUDY,
      method: { name: 'simkd' },
      teacher: { ...STUDENT, name: 'resnet-18', sha256: 'a'.repeat(64), task: 'same', classes: 2 },
    })
    const teacher = initialWeights(teacherLayout(study), 'a teacher')
    const bytes = encodeSafetensors(studentLayout(study), initialStudent(study, teacher))
    const student = { study, round: 2, student: 'b'.repeat(64), bytes }
    const onnx = exportFiles(student, 'onnx', 'torchvision').get('student.onnx') ?? new Uint8Array()
    const { outputs } = readOnnxModel(onnx)
    const width = studentArchitecture(study).projector?.features
    expect(outputs.map(({ shape }) => shape)).toEqual([
      ['batch', width],
      ['batch', 2],
    ])
    expect(thrownBy(() => exportFiles(student, 'safetensors', 'timm'))).toMatchObject({
      code: 'ERR_LAYOUT_MISMATCH',
      message: expect.stringContaining("got one with SimKD's projector"),
    })
  })
  test('refuses names where there are none to choose, and of a library that lacks the network', () => {
    expect(thrownBy(() => exportFiles(exported(), 'onnx', 'timm'))).toMatchObject({ code: 'ERR_USAGE' })
    const resnet = exported({ student: { name: 'resnet-18', widthMultiplier: 0.1 } })
    expect(thrownBy(() => exportFiles(resnet, 'safetensors', 'efficientnet_pytorch'))).toMatchObject({
      code: 'ERR_LAYOUT_MISMATCH',
    })
  })
})
