import { readOnnxModel, withOutputs } from '@tessera/shared/model/onnx'
import { assert, nat, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { thrownBy } from '../../../support/errors.ts'
import { classifierBytes, rawMessage } from '../../../support/onnx-models.ts'

/** A model of one node; `node` and `graph` are further fields of it and of its graph. */
const modelWith = (node: Uint8Array, graph: Uint8Array = new Uint8Array()): Uint8Array =>
  rawMessage([1, 8], [7, Uint8Array.from([...rawMessage([1, node]), ...graph])])
const external = rawMessage([8, 'w'], [14, 1])
const attribute = (field: number, value: Uint8Array): Uint8Array =>
  rawMessage([5, rawMessage([1, 'a'], [field, value])])

describe('readOnnxModel()', () => {
  test('gives inputs, outputs, weights and makers of a file', () => {
    const model = readOnnxModel(classifierBytes({ metadata: new Map([['author', 'somebody']]) }))
    expect(model.inputs).toEqual([{ name: 'image', elementType: 1, shape: ['batch', 3, 16, 16] }])
    expect(model.outputs).toEqual([{ name: 'scores', elementType: 1, shape: ['batch', 3] }])
    expect(model.weights.get('fc.weight')).toEqual([3, 6])
    expect(model.makers.get('scores')).toEqual({
      operator: 'Gemm',
      inputs: ['flat', 'fc.weight', 'fc.bias'],
      outputs: ['scores'],
      integers: new Map([['transB', 1]]),
    })
    expect(model.metadata.get('author')).toBe('somebody')
  })
  test('does not count a weight that is also listed as an input', () => {
    const inputs = [
      { name: 'image', shape: [1, 3, 16, 16] },
      { name: 'fc.bias', shape: [3] },
    ]
    expect(readOnnxModel(classifierBytes({ inputs })).inputs.map(({ name }) => name)).toEqual(['image'])
  })
  test('sees what is appended as part of the same model', () => {
    const model = readOnnxModel(withOutputs(classifierBytes(), ['flat', 'map']))
    expect(model.outputs.map(({ name }) => name)).toEqual(['scores', 'flat', 'map'])
  })
  test.each([
    ['a weight', rawMessage([1, 8], [7, rawMessage([5, external])])],
    ['a weight that takes it back', rawMessage([1, 8], [7, rawMessage([5, rawMessage([14, 1], [14, 0])])])],
    [
      'a weight that names a file',
      rawMessage(
        [1, 8],
        [7, rawMessage([5, rawMessage([13, rawMessage([1, 'location'], [2, '/etc/passwd'])])])],
      ),
    ],
    ['a constant', modelWith(attribute(5, external))],
    ['a list of constants', modelWith(attribute(10, external))],
    ['a sparse constant', modelWith(attribute(22, rawMessage([1, external])))],
    ['a sparse weight', rawMessage([1, 8], [7, rawMessage([15, rawMessage([2, external])])])],
    ['a graph in a node', modelWith(attribute(6, rawMessage([5, external])))],
    ['a function', rawMessage([1, 8], [7, new Uint8Array()], [25, rawMessage([7, attribute(5, external)])])],
    ['a second graph field', rawMessage([1, 8], [7, new Uint8Array()], [7, rawMessage([5, external])])],
  ])('refuses weights in another file: %s', (_, bytes) => {
    expect(thrownBy(() => readOnnxModel(bytes))).toMatchObject({
      code: 'ERR_ONNX_FILE',
      message:
        'weights must lie in the ONNX file itself, got a tensor in another file: save the model as one file (torch.onnx.export: external_data=False)',
    })
  })
  test('refuses a norm that computes by the batch', () => {
    const norm = rawMessage([4, 'BatchNormalization'], [5, rawMessage([1, 'training_mode'], [3, 1])])
    expect(thrownBy(() => readOnnxModel(modelWith(norm)))).toMatchObject({ code: 'ERR_ONNX_FILE' })
  })
  test('refuses graphs nested deeper than 16', () => {
    const nested = (depth: number): Uint8Array =>
      depth === 0 ? new Uint8Array() : rawMessage([1, attribute(6, nested(depth - 1))])
    expect(readOnnxModel(rawMessage([1, 8], [7, nested(16)])).outputs).toEqual([])
    expect(thrownBy(() => readOnnxModel(rawMessage([1, 8], [7, nested(17)])))).toMatchObject({
      code: 'ERR_ONNX_FILE',
    })
  })
  test.each([
    ['no bytes', new Uint8Array(), 'ONNX file must hold a version and a graph, got none'],
    ['safetensors', new TextEncoder().encode('\x02\0\0\0\0\0\0\0{}'), null],
    ['a group', Uint8Array.from([0x0b, 0x0c]), 'field 1 must be of wire type 0, 1, 2 or 5, got 3'],
    ['training graphs', rawMessage([20, '']), 'ONNX file must be for inference, got training graphs'],
    ['a number for a graph', rawMessage([7, 3]), 'field 7 must hold bytes, got a number'],
    [
      'a name that is no text',
      modelWith(rawMessage([1, Uint8Array.from([0xff])])),
      'field 1 must hold UTF-8 text, got other bytes',
    ],
    [
      'a shape of 65 numbers',
      rawMessage([7, rawMessage([5, rawMessage([1, new Uint8Array(65)])])]),
      'field 1 must list at most 64 numbers, got more',
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(thrownBy(() => readOnnxModel(bytes))).toMatchObject({
      code: 'ERR_ONNX_FILE',
      ...(message ? { message } : {}),
    })
  })
  test('refuses or reads a file cut off anywhere or changed anywhere, and throws nothing else', () => {
    const bytes = classifierBytes()
    const place = nat(bytes.length - 1)
    assert(
      property(place, place, nat(255), (end, at, value) => {
        const changed = bytes.slice(0, end)
        if (at < end) changed[at] = value
        try {
          readOnnxModel(changed)
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'ERR_ONNX_FILE' })
        }
      }),
    )
  })
})
