import { describe, expect, test } from 'vitest'
import { faultsOf } from '../../../dashboard/components/form/values.ts'
import { isOnnxFile, ONNX_FIELDS, onnxFlags, onnxHints } from '../../../dashboard/coordinator/onnx-hints.ts'
import { studyFaults } from '../../../dashboard/coordinator/study-faults.ts'
import { studyToSend } from '../../../dashboard/coordinator/study-to-send.ts'
import { text } from '../../../dashboard/text/en.ts'

const file = (name: string): File => new File([], name)
const faults = (value: unknown): [string, string][] => [
  ...faultsOf(ONNX_FIELDS, onnxHints(value), text.form, 'onnx'),
]

describe('the fields of an ONNX teacher', () => {
  test('may all be left empty, also after something was typed', () => {
    expect(faults({})).toEqual([])
    expect(faults({ mean: [], features: undefined, logits: '' })).toEqual([])
    expect(onnxHints({ mean: [], features: undefined, logits: '', pool: 'mean' })).toEqual({ pool: 'mean' })
  })
  test('take three numbers for three colours', () => {
    expect(faults({ mean: [0.5, 0.5] })).toEqual([['onnx.mean', 'must have 3 or more, one a line']])
    expect(faults({ std: [0.2, 0.2, Number.NaN] })).toEqual([['onnx.std', 'must be a number']])
    expect(faults({ mean: [0.5, 0.5, 0.5], inputSize: 224.5 })).toEqual([
      ['onnx.inputSize', 'must be a whole number'],
    ])
  })
  test('are the flags of the command line', () => {
    const hints = onnxHints({ mean: [0.5, 0.4, 0.3], inputSize: 224, layout: 'nhwc' })
    expect(onnxFlags(hints)).toBe(' --input-size 224 --layout nhwc --mean 0.5,0.4,0.3')
    expect(onnxFlags({})).toBe('')
  })
  test('are sent with an ONNX file, and with no other', () => {
    expect(isOnnxFile(file('UNI.ONNX'))).toBe(true)
    const hints = { inputSize: 224 }
    expect(studyToSend({}, { teacher: file('uni.onnx'), student: null }, hints).onnx).toEqual(hints)
    expect(studyToSend({}, { teacher: file('uni.safetensors'), student: null }, hints).onnx).toBeUndefined()
  })
})

describe('studyFaults()', () => {
  const field = { kind: 'group', members: [] } as const
  const fault = (name: string, given: string | null): string | undefined =>
    studyFaults(
      field,
      { teacher: { name } },
      { teacher: given === null ? null : file(given), student: null },
    ).get('teacher')
  test('a teacher needs its file, of its kind', () => {
    expect(fault('efficientnet-b0', null)).toBe('a study with a teacher needs the teacher’s file')
    expect(fault('efficientnet-b0', 'uni.onnx')).toMatch('the teacher’s file is ONNX')
    expect(fault('onnx', 'uni.safetensors')).toMatch('ends in .onnx')
    expect(fault('onnx', 'uni.onnx')).toBeUndefined()
    expect(fault('efficientnet-b0', 'b0.safetensors')).toBeUndefined()
  })
  test('a study without a teacher needs none', () => {
    expect([...studyFaults(field, {}, { teacher: null, student: null })]).toEqual([])
  })
})
