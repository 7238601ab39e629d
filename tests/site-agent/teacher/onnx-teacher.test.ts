import { describeOnnx, type OnnxHints, readOnnxModel } from '@tessera/shared/model/onnx'
import type { OnnxTeacher } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import { sha256Hex } from '@tessera/shared/security'
import { afterEach, describe, expect, test } from 'vitest'
import { createOnnxTeacher, type TileTeacher } from '../../../site-agent/teacher/onnx-teacher.ts'
import { prepareTile } from '../../../site-agent/teacher/prepare-tile.ts'
import { rejectionOf } from '../../support/errors.ts'
import { classifierBytes, classifierModel, rawMessage } from '../../support/onnx-models.ts'

const HALF = { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] } satisfies OnnxHints
const teacherOf = (bytes: Uint8Array, hints: OnnxHints = {}): OnnxTeacher => ({
  name: 'onnx',
  task: 'same',
  momentum: 'frozen',
  sha256: sha256Hex(bytes),
  ...describeOnnx(readOnnxModel(bytes), 3, { ...HALF, ...hints }),
})
const random = createRandom('tile')
const tile = (sizePx: number): Float32Array =>
  Float32Array.from({ length: sizePx * sizePx * 3 }, () => random.normal(0, 1))

const open: TileTeacher[] = []
const opened = async (bytes: Uint8Array, teacher = teacherOf(bytes)): Promise<TileTeacher> => {
  const made = await createOnnxTeacher(bytes, teacher)
  open.push(made)
  return made
}
afterEach(async () => {
  for (const teacher of open.splice(0)) await teacher.dispose()
})

/** Convolution, ReLU, mean, linear layer of the test's model, with loops. */
function byLoops(image: Float32Array): { features: number[]; logits: number[] } {
  const weights = new Map(classifierModel().weights.map(({ name, values }) => [name, values as Float32Array]))
  const at = (name: string, i: number): number => weights.get(name)?.[i] ?? Number.NaN
  const features = Array.from({ length: 6 }, (_, channel) => {
    let total = 0
    for (let y = 0; y < 8; y++) {
      for (let x = 0; x < 8; x++) {
        let sum = 0
        for (let c = 0; c < 3; c++) {
          for (let ky = 0; ky < 3; ky++) {
            for (let kx = 0; kx < 3; kx++) {
              const [row, column] = [2 * y + ky - 1, 2 * x + kx - 1]
              if (row < 0 || row > 15 || column < 0 || column > 15) continue
              sum +=
                (image[(c * 16 + row) * 16 + column] ?? Number.NaN) *
                at('conv.weight', ((channel * 3 + c) * 3 + ky) * 3 + kx)
            }
          }
        }
        total += Math.max(0, sum)
      }
    }
    return total / 64
  })
  const logits = [0, 1, 2].map((label) =>
    features.reduce((sum, value, i) => sum + value * at('fc.weight', label * 6 + i), at('fc.bias', label)),
  )
  return { features, logits }
}

describe('createOnnxTeacher()', () => {
  test('computes features and logits as loops do, of an inner tensor too', async () => {
    const bytes = classifierBytes()
    const teacher = teacherOf(bytes)
    const image = tile(16)
    const { row, featureWidth, classes } = await opened(bytes, teacher)
    const { features, logits } = byLoops(prepareTile(image, 16, teacher.input))
    expect([featureWidth, classes]).toEqual([6, 3])
    const got = await row(image, 16)
    // Float32 sums of 27 products: a few roundings of 1e-7.
    for (const [i, value] of [...features, ...logits].entries()) expect(got[i]).toBeCloseTo(value, 5)
  })
  test('gives a tile the same bits when others run beside it', async () => {
    const { row } = await opened(classifierBytes())
    const tiles = Array.from({ length: 9 }, () => tile(20))
    const together = await Promise.all(tiles.map((image) => row(image, 20)))
    for (const [i, image] of tiles.entries()) expect(await row(image, 20)).toEqual(together[i])
  })
  test('pools a map: the same features as the model’s own pooling', async () => {
    const outputs = [
      { name: 'scores', shape: ['batch', 3] },
      { name: 'map', shape: ['batch', 6, 8, 8] },
    ]
    const [flat, map] = [await opened(classifierBytes()), await opened(classifierBytes({ outputs }))]
    const image = tile(16)
    const [want, got] = [await flat.row(image, 16), await map.row(image, 16)]
    for (const [i, value] of want.entries()) expect(got[i]).toBeCloseTo(value, 6)
  })
  test('does not give bytes of another hash to the runtime', async () => {
    const bytes = classifierBytes()
    const changed = bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte))
    expect(await rejectionOf(createOnnxTeacher(changed, teacherOf(bytes)))).toMatchObject({
      code: 'ERR_MODEL_HASH',
    })
  })
  test('does not give a model with weights in another file to the runtime', async () => {
    const bytes = rawMessage([1, 8], [7, rawMessage([5, rawMessage([8, 'w'], [14, 1])])])
    const teacher = { ...teacherOf(classifierBytes()), sha256: sha256Hex(bytes) }
    expect(await rejectionOf(createOnnxTeacher(bytes, teacher))).toMatchObject({ code: 'ERR_ONNX_FILE' })
  })
  test('says when the runtime does not know an operator', async () => {
    const nodes = classifierModel().nodes.map((node) => ({
      ...node,
      operator: node.operator.replace('Relu', 'Flourish'),
    }))
    const bytes = classifierBytes({ nodes })
    expect(await rejectionOf(createOnnxTeacher(bytes, teacherOf(bytes)))).toMatchObject({
      code: 'ERR_ONNX_RUN',
      message: expect.stringMatching(/^teacher must load in the ONNX runtime, got: .*Flourish/),
    })
  })
  test.each([
    ['features of another width', { featureWidth: 5 }, 'ERR_TENSOR_SHAPE'],
    ['logits of another number', { logits: { tensor: 'scores', classes: 4 } }, 'ERR_ONNX_RUN'],
    [
      'an input of another name',
      { input: { ...teacherOf(classifierBytes()).input, tensor: 'picture' } },
      'ERR_ONNX_RUN',
    ],
  ])('refuses %s than the study says', async (_, change, code) => {
    const bytes = classifierBytes()
    const { row } = await opened(bytes, { ...teacherOf(bytes), ...change })
    expect(await rejectionOf(row(tile(16), 16))).toMatchObject({ code })
  })
  test('refuses features that are no numbers', async () => {
    const { row } = await opened(classifierBytes())
    expect(await rejectionOf(row(tile(16).fill(Number.NaN), 16))).toMatchObject({ code: 'ERR_ONNX_RUN' })
  })
})
