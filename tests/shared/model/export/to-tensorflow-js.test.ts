import { loadGraphModel } from '@tensorflow/tfjs-converter'
import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'
import { toTensorflowJs } from '@tessera/shared/model/export'
import { beforeAll, describe, expect, test } from 'vitest'
import { BATCH, expectEqual, NETWORKS, ourForward, randomImages, randomModel } from './support.ts'

beforeAll(async () => {
  await startEngine({ engine: 'wasm' })
})
const [, NARROW] = NETWORKS[1] ?? [
  '',
  { name: 'efficientnet-b0', widthMultiplier: 0.25, depthMultiplier: 0.34 },
]
const decode = (bytes: Uint8Array | undefined): unknown => JSON.parse(new TextDecoder().decode(bytes))

/** Reads the files as loadGraphModel would over the network: the description first, then each file of weights that it names. */
function loaderOf(files: ReadonlyMap<string, Uint8Array>): tf.io.IOHandler {
  const json = decode(files.get('model.json')) as tf.io.ModelJSON
  return {
    load: () =>
      tf.io.getModelArtifactsForJSON(json, async (manifest) => {
        const paths = manifest.flatMap((group) => group.paths)
        const data = Buffer.concat(paths.map((path) => files.get(path) ?? Buffer.alloc(0)))
        return [manifest.flatMap((group) => group.weights), new Uint8Array(data).buffer]
      }),
  }
}

describe('toTensorflowJs()', () => {
  test.each(NETWORKS)('gives a model that computes what we compute: %s', async (_, architecture, sizePx) => {
    const exported = randomModel(architecture, sizePx)
    const images = randomImages(sizePx)
    const before = tf.memory().numTensors
    const model = await loadGraphModel(loaderOf(toTensorflowJs(exported)))
    const x = tf.tensor4d(images, [BATCH, sizePx, sizePx, 3])
    const [features, logits] = model.execute(x, ['features', 'logits']) as [tf.Tensor, tf.Tensor]
    const want = ourForward(architecture, exported, images)
    expect(features.shape).toEqual([BATCH, exported.graph.features])
    expectEqual(features.dataSync(), want.features)
    expectEqual(logits.dataSync(), want.logits)
    tf.dispose([x, features, logits])
    model.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })
  test('says its inputs and outputs, and carries the metadata', async () => {
    const exported = randomModel(NARROW, 48)
    const model = await loadGraphModel(loaderOf(toTensorflowJs(exported)))
    expect(model.inputs.map(({ name, shape }) => [name, shape])).toEqual([['images', [-1, 48, 48, 3]]])
    expect(model.outputs.map(({ name }) => name).toSorted()).toEqual(['features', 'logits'])
    expect(model.metadata).toEqual({ key: 'value' })
    model.dispose()
  })
  test('cuts the weights into files of at most 4 MiB', () => {
    const files = toTensorflowJs(
      randomModel({ name: 'efficientnet-b0', widthMultiplier: 1, depthMultiplier: 1 }, 64),
    )
    const shards = [...files].filter(([name]) => name.endsWith('.bin'))
    expect(shards.map(([name]) => name)).toEqual(
      shards.map((_, i) => `group1-shard${i + 1}of${shards.length}.bin`),
    )
    expect(shards.length).toBeGreaterThan(1)
    for (const [, bytes] of shards.slice(0, -1)) expect(bytes.length).toBe(4 * 1024 * 1024)
  })
})
