/** What the tests of the exports share: networks with random weights, and what our forward pass gives on random images. */
import * as tf from '@tensorflow/tfjs-core'
import {
  type Architecture,
  backboneLayout,
  describeNetwork,
  elementCount,
  type Weights,
} from '@tessera/shared/model'
import type { ExportedModel } from '@tessera/shared/model/export'
import { createNetwork, forward, toParams } from '@tessera/shared/model/network'
import { createRandom } from '@tessera/shared/random'
import { expect } from 'vitest'

const CLASSES = 5
export const BATCH = 2

const narrow = { widthMultiplier: 0.25, depthMultiplier: 0.34 } as const
const whole = { widthMultiplier: 1, depthMultiplier: 1 } as const

/** Every family, every padding, sizes that the strides divide and that they do not. */
export const NETWORKS: readonly (readonly [string, Architecture, number])[] = [
  ['EfficientNet-B0', { name: 'efficientnet-b0', ...whole }, 64],
  ['a narrow B0', { name: 'efficientnet-b0', ...narrow }, 48],
  ['a narrow B0 of an odd size', { name: 'efficientnet-b0', ...narrow }, 37],
  ['a narrow B2', { name: 'efficientnet-b2', ...narrow }, 32],
  ["a narrow B1 with TensorFlow's padding", { name: 'efficientnet-b1', ...narrow, flavour: 'timm-tf' }, 45],
  [
    "a narrow B0 with efficientnet_pytorch's norms",
    { name: 'efficientnet-b0', ...narrow, flavour: 'efficientnet-pytorch' },
    32,
  ],
  ['a narrow Lite0', { name: 'efficientnet-lite0', ...narrow }, 32],
  ['a narrow ResNet-18', { name: 'resnet-18', widthMultiplier: 0.25, depthMultiplier: 1 }, 32],
  [
    "a narrow B0 with SimKD's projector",
    { name: 'efficientnet-b0', ...narrow, projector: { hidden: 12, features: 24 } },
    32,
  ],
  ['a narrow ResNet-50', { name: 'resnet-50', widthMultiplier: 0.25, depthMultiplier: 1 }, 33],
]

/** A network with random weights, scaled so that its values neither vanish nor explode, and statistics unlike those before training. */
export function randomModel(architecture: Architecture, sizePx: number): ExportedModel {
  const { tensors } = backboneLayout(architecture, CLASSES)
  const weights: Weights = new Map(
    tensors.map(({ name, shape }) => {
      const random = createRandom(`export/${name}`)
      const inputs = shape.length > 1 ? elementCount(shape.slice(1)) : 1
      const [centre, spread] = name.endsWith('running_var')
        ? [1, 0.5]
        : [
            shape.length === 1 && name.endsWith('weight') ? 1 : 0,
            shape.length > 1 ? (3 / inputs) ** 0.5 : 0.4,
          ]
      const draw = (): number => random.uniform(centre - spread, centre + spread)
      return [name, Float32Array.from({ length: elementCount(shape) }, draw)]
    }),
  )
  return {
    graph: describeNetwork(architecture, CLASSES),
    weights,
    sizePx,
    metadata: new Map([['key', 'value']]),
  }
}

/** Random images, [BATCH, S, S, 3]. */
export function randomImages(sizePx: number): Float32Array {
  const random = createRandom('export/images')
  return Float32Array.from({ length: BATCH * sizePx * sizePx * 3 }, () => random.normal(0, 1))
}

/** The same images with their channels first. */
export function channelsFirst(images: Float32Array, sizePx: number): Float32Array {
  const area = sizePx * sizePx
  const turned = new Float32Array(images.length)
  for (const [i, value] of images.entries()) {
    const pixel = Math.floor(i / 3)
    turned[(Math.floor(pixel / area) * 3 + (i % 3)) * area + (pixel % area)] = value
  }
  return turned
}

/** Features and logits by our own forward pass in eval mode. */
export function ourForward(
  architecture: Architecture,
  { weights, sizePx }: ExportedModel,
  images: Float32Array,
): { features: Float32Array; logits: Float32Array } {
  const network = createNetwork(architecture, CLASSES)
  const params = toParams(network.layout, weights)
  const x = tf.tensor4d(images, [BATCH, sizePx, sizePx, 3])
  const { features, logits } = forward(network, params, x, { training: false })
  const result = {
    features: features.dataSync<'float32'>().slice(),
    logits: logits.dataSync<'float32'>().slice(),
  }
  tf.dispose([x, features, logits, ...params.values()])
  return result
}

/**
 * Expects values to be equal to 1e-5 of the largest: two ways to sum float32 products over 20 to 100 layers, each of which rounds to 6e-8
 * of its sum, differ by some 1e-6.
 */
export function expectEqual(got: ArrayLike<number>, want: Float32Array): void {
  expect(got.length).toBe(want.length)
  const largest = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  expect(largest).toBeGreaterThan(1e-3)
  const worst = want.reduce((most, value, i) => Math.max(most, Math.abs(value - (got[i] ?? Number.NaN))), 0)
  expect(worst / largest).toBeLessThan(1e-5)
}
