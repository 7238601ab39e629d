import { startEngine } from '@tessera/shared/engine'
import { toOnnx } from '@tessera/shared/model/export'
import { readOnnxModel } from '@tessera/shared/model/onnx'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { beforeAll, describe, expect, test } from 'vitest'
import { thrownBy } from '../../../support/errors.ts'
import {
  BATCH,
  channelsFirst,
  expectEqual,
  NETWORKS,
  ourForward,
  randomImages,
  randomModel,
} from './support.ts'

beforeAll(async () => {
  await startEngine()
})
const [, NARROW] = NETWORKS[1] ?? [
  '',
  { name: 'efficientnet-b0', widthMultiplier: 0.25, depthMultiplier: 0.34 },
]

describe('toOnnx()', () => {
  test.each(NETWORKS)('gives a file that computes what we compute: %s', async (_, architecture, sizePx) => {
    const model = randomModel(architecture, sizePx)
    const images = randomImages(sizePx)
    const session = await InferenceSession.create(toOnnx(model), { logSeverityLevel: 4 })
    const feed = new Tensor('float32', channelsFirst(images, sizePx), [BATCH, 3, sizePx, sizePx])
    const results = await session.run({ images: feed })
    const want = ourForward(architecture, model, images)
    expect(results.features?.dims).toEqual([BATCH, model.graph.features])
    expectEqual(results.features?.data as Float32Array, want.features)
    expectEqual(results.logits?.data as Float32Array, want.logits)
    await session.release()
  })
  test('names inputs and outputs with their shapes, and carries the metadata', () => {
    const model = randomModel(NARROW, 48)
    const read = readOnnxModel(toOnnx(model))
    const { features, classes } = model.graph
    expect(read.inputs).toEqual([{ name: 'images', elementType: 1, shape: ['batch', 3, 48, 48] }])
    expect(read.outputs).toEqual([
      { name: 'features', elementType: 1, shape: ['batch', features] },
      { name: 'logits', elementType: 1, shape: ['batch', classes] },
    ])
    expect(read.metadata).toEqual(model.metadata)
  })
  test('gives equal bytes for equal models, and others for others', () => {
    const model = randomModel(NARROW, 48)
    expect(Buffer.from(toOnnx(model)).equals(toOnnx(randomModel(NARROW, 48)))).toBe(true)
    expect(Buffer.from(toOnnx(model)).equals(toOnnx({ ...model, metadata: new Map() }))).toBe(false)
  })
  test('refuses weights that lack a tensor, or have one of another length', () => {
    const model = randomModel(NARROW, 48)
    const name = 'features.0.1.bias'
    const lacking = new Map([...model.weights].filter(([other]) => other !== name))
    const short = new Map([...model.weights, [name, new Float32Array(3)] as const])
    expect(thrownBy(() => toOnnx({ ...model, weights: lacking }))).toMatchObject({
      code: 'ERR_LAYOUT_MISMATCH',
      message: `weights must have tensor ${name}, got none`,
    })
    expect(thrownBy(() => toOnnx({ ...model, weights: short }))).toMatchObject({ code: 'ERR_TENSOR_SHAPE' })
  })
})
