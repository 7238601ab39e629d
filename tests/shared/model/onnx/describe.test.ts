import type { OnnxFile } from '@tessera/shared/model/export'
import { describeOnnx, METADATA, type OnnxHints, readOnnxModel } from '@tessera/shared/model/onnx'
import { describe, expect, test } from 'vitest'
import { thrownBy } from '../../../support/errors.ts'
import { classifierBytes, classifierModel } from '../../../support/onnx-models.ts'

const HALF = { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] } satisfies OnnxHints
const described = (changes: Partial<OnnxFile>, classes: number | null, hints: OnnxHints = HALF) =>
  describeOnnx(readOnnxModel(classifierBytes(changes)), classes, hints)
const unclear = (changes: Partial<OnnxFile>, classes: number | null, hints: OnnxHints = HALF): unknown =>
  thrownBy(() => described(changes, classes, hints))

const FEATURES = { name: 'flat', shape: ['batch', 6] }
const SCORES = { name: 'scores', shape: ['batch', 3] }
const shape = (...sides: (number | string)[]) => ({ inputs: [{ name: 'image', shape: sides }] })

describe('describeOnnx()', () => {
  test('finds everything of a plain classifier: the features are what its last linear layer reads', () => {
    expect(described({}, 3)).toEqual({
      featureWidth: 6,
      input: { tensor: 'image', sizePx: 16, layout: 'nchw', ...HALF },
      features: { tensor: 'flat', pool: 'none' },
      logits: { tensor: 'scores', classes: 3 },
    })
  })
  test('finds the same behind MatMul and Add', () => {
    const { nodes, weights } = classifierModel()
    const split = [
      ...nodes.slice(0, -1),
      { operator: 'MatMul', inputs: ['flat', 'turned'], outputs: ['product'] },
      { operator: 'Add', inputs: ['fc.bias', 'product'], outputs: ['scores'] },
    ]
    const turned = { name: 'turned', shape: [6, 3], values: new Float32Array(18) }
    expect(described({ nodes: split, weights: [...weights, turned] }, 3)).toMatchObject({
      featureWidth: 6,
      features: { tensor: 'flat' },
    })
  })
  test('takes the logits from before a softmax', () => {
    const { nodes } = classifierModel()
    const softmax = { operator: 'Softmax', inputs: ['scores'], outputs: ['shares'] }
    const changes = { nodes: [...nodes, softmax], outputs: [{ name: 'shares', shape: ['batch', 3] }] }
    const found = { featureWidth: 6, features: { tensor: 'flat' }, logits: { tensor: 'scores' } }
    expect(described(changes, 3)).toMatchObject(found)
    expect(described(changes, 3, { ...HALF, logits: 'shares' })).toMatchObject(found)
  })
  test('takes the other output of two as the features', () => {
    expect(described({ outputs: [SCORES, FEATURES] }, 3)).toMatchObject({ features: { tensor: 'flat' } })
  })
  test('gives no logits to a teacher of another task', () => {
    const found = described({ outputs: [FEATURES] }, null)
    expect(found).toMatchObject({ featureWidth: 6, features: { tensor: 'flat', pool: 'none' } })
    expect(found).not.toHaveProperty('logits')
  })
  test.each([[[FEATURES, SCORES]], [[SCORES, FEATURES]]])(
    'takes of two outputs the one that the other’s linear layer reads, of %j',
    (outputs) => {
      const found = described({ outputs }, null)
      expect(found).toMatchObject({ featureWidth: 6, features: { tensor: 'flat', pool: 'none' } })
      expect(found).not.toHaveProperty('logits')
    },
  )
  test('does not take either of two outputs as features when neither is computed from the other', () => {
    const other = { name: 'map', shape: ['batch', 6, 4, 4] }
    expect(unclear({ outputs: [SCORES, other] }, null)).toMatchObject({ code: 'ERR_ONNX_UNCLEAR' })
  })
  test('does not take a lone output of a linear layer as features: it may be another task’s logits', () => {
    expect(unclear({}, null)).toMatchObject({
      code: 'ERR_ONNX_UNCLEAR',
      message:
        'features of the teacher must be known, got outputs "scores" [batch, 3] (computed from "flat" [?, 6]): give --features TENSOR',
    })
    expect(described({}, null, { ...HALF, features: 'scores' })).toMatchObject({ featureWidth: 3 })
    expect(described({}, null, { ...HALF, features: 'flat' })).toMatchObject({ featureWidth: 6 })
  })
  test('pools a map, in the order of the input', () => {
    const map = (...sides: (number | string)[]) => ({ outputs: [{ name: 'map', shape: sides }] })
    expect(described(map('batch', 6, 8, 8), null)).toMatchObject({
      featureWidth: 6,
      features: { tensor: 'map', pool: 'mean' },
    })
    expect(described({ ...map(1, 'h', 'w', 9), ...shape(1, 16, 16, 3) }, null)).toMatchObject({
      featureWidth: 9,
    })
  })
  test('asks how to pool tokens', () => {
    const tokens = { outputs: [{ name: 'map', shape: ['batch', 50, 12] }] }
    expect(unclear(tokens, null)).toMatchObject({ message: expect.stringContaining('give --pool first') })
    expect(described(tokens, null, { ...HALF, pool: 'first' })).toMatchObject({
      featureWidth: 12,
      features: { pool: 'first' },
    })
  })
  test('reads normalisation and outputs from the metadata of our own exports', () => {
    const metadata = new Map<string, string>([
      [METADATA.mean, '0.1,0.2,0.3'],
      [METADATA.deviation, '1,1,2'],
      [METADATA.features, 'flat'],
      [METADATA.logits, 'scores'],
    ])
    expect(described({ metadata, outputs: [SCORES, FEATURES] }, null, {})).toMatchObject({
      input: { mean: [0.1, 0.2, 0.3], deviation: [1, 1, 2] },
      features: { tensor: 'flat' },
    })
  })
  test.each([
    ['channels first', ['batch', 3, 224, 224], {}, 'nchw', 224],
    ['channels last', [1, 224, 224, 3], {}, 'nhwc', 224],
    ['a free size that is given', ['batch', 3, 'h', 'w'], { sizePx: 96 }, 'nchw', 96],
    ['a free height beside a fixed width', ['batch', 3, 'h', 64], {}, 'nchw', 64],
    ['all free, and all given', ['', '', '', ''], { sizePx: 32, layout: 'nhwc' }, 'nhwc', 32],
  ] as const)('finds the input: %s', (_, sides, hints, layout, sizePx) => {
    expect(described(shape(...sides), 3, { ...HALF, ...hints })).toMatchObject({ input: { layout, sizePx } })
  })
  test.each([
    [
      'a free size',
      ['b', 3, 'h', 'w'],
      {},
      'ERR_ONNX_UNCLEAR',
      'size of input "image" must be known, got [b, 3, h, w]: give --input-size PIXELS, the size it was trained at',
    ],
    [
      'another size than is given',
      ['b', 3, 16, 16],
      { sizePx: 32 },
      'ERR_ONNX_UNCLEAR',
      '--input-size must be the size of input "image", 16, got 32',
    ],
    [
      'an open layout',
      ['b', '', 32, ''],
      {},
      'ERR_ONNX_UNCLEAR',
      'layout of input "image" must be known, got [b, ?, 32, ?]: give --layout nchw or --layout nhwc',
    ],
    [
      'a layout that does not fit',
      ['b', 3, 16, 16],
      { layout: 'nhwc' },
      'ERR_ONNX_UNCLEAR',
      'input "image" must have 3 channels for --layout nhwc, got [b, 3, 16, 16]',
    ],
    [
      'four channels',
      ['b', 4, 16, 16],
      {},
      'ERR_ONNX_FILE',
      'input "image" must have 3 channels, got [b, 4, 16, 16]',
    ],
    [
      'a rectangle',
      ['b', 3, 16, 24],
      {},
      'ERR_ONNX_FILE',
      'input "image" must be square, got [b, 3, 16, 24]',
    ],
    [
      'a fixed batch',
      [8, 3, 16, 16],
      {},
      'ERR_ONNX_FILE',
      'batch of input "image" must be free or 1, got [8, 3, 16, 16]',
    ],
    ['no image', ['b', 512], {}, 'ERR_ONNX_FILE', 'input "image" must have 4 dimensions, got [b, 512]'],
  ] as const)('refuses %s', (_, sides, hints, code, message) => {
    expect(unclear(shape(...sides), 3, { ...HALF, ...hints })).toMatchObject({ code, message })
  })
  test.each([
    [
      'no normalisation',
      {},
      3,
      {},
      /^normalisation of the teacher must be known.*give --mean R,G,B and --std R,G,B/,
    ],
    [
      'logits of other classes',
      {},
      4,
      HALF,
      /one output of 4 classes, got outputs "scores" \[batch, 3\].*give --logits OUTPUT/,
    ],
    ['named logits of other classes', {}, 4, { ...HALF, logits: 'scores' }, /4 classes, got "scores" with 3/],
    [
      'a name that no tensor has',
      {},
      3,
      { ...HALF, features: 'nothing' },
      /--features must name a tensor that the model computes, got "nothing"/,
    ],
    [
      'features without a width',
      {},
      3,
      { ...HALF, features: 'conv' },
      /features "conv" must have a shape .* got none in the file/,
    ],
    [
      'tokens where there are none',
      {},
      3,
      { ...HALF, pool: 'first' },
      /--pool must be none for features of 2 dimensions, got first/,
    ],
  ] as const)('refuses %s', (_, changes, classes, hints, message) => {
    const thrown = unclear(changes, classes, hints)
    expect(thrown).toMatchObject({ code: 'ERR_ONNX_UNCLEAR', message: expect.stringMatching(message) })
  })
  test('refuses a model of two inputs', () => {
    const inputs = [
      { name: 'image', shape: [1, 3, 16, 16] },
      { name: 'text', shape: [1, 8] },
    ]
    expect(unclear({ inputs }, 3)).toMatchObject({
      code: 'ERR_ONNX_FILE',
      message: 'model must have one input, the image, got "image", "text"',
    })
  })
})
