import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'
import { backboneLayout, initialWeights, type Weights } from '@tessera/shared/model'
import {
  createNetwork,
  drawNoise,
  type ForwardMode,
  forward,
  type Network,
  type NoiseSettings,
  type Params,
  toParams,
} from '@tessera/shared/model/network'
import { createRandom, type Random } from '@tessera/shared/random'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { plan, tiny } from '../support.ts'
import { type Maps, scalarForward } from './scalar-forward.ts'

const CLASSES = 3
const network = createNetwork(tiny, CLASSES)

/** Weights whose norms are not the identity, so that leaving one out shows. */
function busyWeights(): Weights {
  const random = createRandom('norms')
  return new Map(
    [...initialWeights(backboneLayout(tiny, CLASSES), 'weights')].map(([name, values]) => {
      if (values.some((v) => v !== 0 && v !== 1)) return [name, values]
      const [low, high] = /running_var|[01]\.1\.weight|\.3\.1\.weight/.test(name) ? [0.5, 1.5] : [-0.3, 0.3]
      return [name, values.map(() => random.uniform(low, high))]
    }),
  )
}

function randomImages(batch: number, height: number, width: number): Maps {
  const random = createRandom('images')
  const numbers = (length: number): number[] => Array.from({ length }, () => Math.fround(random.normal()))
  return numbers(batch).map(() => [0, 1, 2].map(() => numbers(height).map(() => numbers(width))))
}

function toTensor(images: Maps): tf.Tensor4D {
  return tf.tidy(() => tf.transpose(tf.tensor4d(images), [0, 2, 3, 1]))
}

describe.each(['cpu', 'wasm'] as const)('forward() on %s', (engine) => {
  let tensors: tf.Tensor[] = []
  const weights = busyWeights()
  const images = randomImages(3, 33, 22)

  beforeAll(() => startEngine({ engine }))
  afterEach(() => {
    tf.dispose(tensors)
    tensors = []
  })

  function given(): { params: Params; images: tf.Tensor4D } {
    const params = toParams(network.layout, weights)
    const tensor = toTensor(images)
    tensors.push(tensor, ...params.values())
    return { params, images: tensor }
  }

  function run(mode: ForwardMode, start = given()): ReturnType<typeof forward> {
    const result = forward(network, start.params, start.images, mode)
    tensors.push(result.features, result.logits, ...result.statistics.values())
    return result
  }

  test.each([true, false])('is the scalar loops, training: %s', (training) => {
    const { features, logits, statistics } = run({ training })
    const oracle = scalarForward(plan(tiny), weights, images, training)
    // float32 through 22 norms against float64; batch statistics over 6 values a channel cost another digit.
    expect(features.shape).toEqual([3, 128])
    expect(distance(features.dataSync(), oracle.features.flat())).toBeLessThan(2e-5)
    expect(logits.shape).toEqual([3, CLASSES])
    expect(distance(logits.dataSync(), oracle.logits.flat())).toBeLessThan(2e-5)
    expect([...statistics.keys()].toSorted()).toEqual([...oracle.statistics.keys()].toSorted())
    for (const [name, values] of oracle.statistics) {
      expect(distance(statistics.get(name)?.dataSync() ?? [], values), name).toBeLessThan(2e-5)
    }
  })

  test('gives new running statistics for each of the layout when training, and none otherwise', () => {
    const names = network.layout.tensors.filter(({ kind }) => kind === 'statistic').map(({ name }) => name)
    expect([...run({ training: true }).statistics.keys()].toSorted()).toEqual(names.toSorted())
    expect(run({ training: false }).statistics.size).toBe(0)
  })

  test('gives the maps of the stages and the one that is pooled, when it is asked', () => {
    expect(run({ training: false }).maps).toBeNull()
    const resnet = createNetwork({ ...tiny, name: 'resnet-18' }, CLASSES)
    const odd = tf.randomNormal<tf.Rank.R4>([2, 33, 50, 3], 0, 1, 'float32', 1)
    tensors.push(odd)
    for (const of of [network, resnet]) {
      const params = toParams(of.layout, initialWeights(of.layout, 'weights'))
      const { features, logits, maps } = forward(of, params, odd, { training: false, maps: true })
      if (!maps) throw new Error('maps were asked for')
      tensors.push(...params.values(), features, logits, ...new Set([...maps.stages, maps.last]))
      const sides = maps.stages.map(({ shape }) => [shape[1], shape[2]])
      expect(sides).toEqual([
        [9, 13],
        [5, 7],
        [3, 4],
        [2, 2],
      ])
      expect(maps.stages.map(({ shape }) => shape[3])).toEqual(
        of.graph.stages.map(({ channels }) => channels),
      )
      const pooled = tf.tidy(() => tf.mean(maps.last, [1, 2]).dataSync())
      expect(distance(features.dataSync(), pooled)).toBeLessThan(1e-6)
    }
  })

  test('does not depend on the rest of the batch in eval mode', () => {
    const start = given()
    const all = run({ training: false }, start)
    const first = tf.slice(start.images, 0, 1)
    tensors.push(first)
    const alone = run({ training: false }, { ...start, images: first })
    expect(distance(alone.logits.dataSync(), all.logits.dataSync().slice(0, CLASSES))).toBeLessThan(1e-5)
  })

  test.each([true, false])('follows the finite difference along the gradient, training: %s', (training) => {
    const start = given()
    const trainable = network.layout.tensors.filter(({ kind }) => kind === 'trainable')
    const values = trainable.map(({ name }) => start.params.get(name) ?? tf.scalar(0))
    const loss = (...xs: tf.Tensor[]): tf.Scalar => {
      const params = new Map([
        ...start.params,
        ...trainable.map((spec, i) => [spec.name, xs[i]] as [string, tf.Tensor]),
      ])
      return tf.sum(tf.square(forward(network, params, start.images, { training }).logits))
    }
    const gradients = tf.grads(loss)(values)
    tensors.push(...gradients)
    for (const [i, gradient] of gradients.entries()) expect(gradient.shape).toEqual(values[i]?.shape)

    // Along the gradient, each tensor scaled to its values: nothing cancels, and no tensor hides behind another.
    const directions = values.map((value, i) => {
      const [size, steepest] = [value, gradients[i] ?? value].map((t) =>
        Math.max(...t.dataSync().map(Math.abs)),
      )
      const direction = tf.mul(gradients[i] ?? 0, (size ?? 0) / (steepest ?? 1))
      tensors.push(direction)
      return direction
    })
    const slope = gradients.reduce(
      (total, g, i) => total + tf.tidy(() => tf.sum(tf.mul(g, directions[i] ?? 0)).dataSync()[0] ?? 0),
      0,
    )
    const at = (step: number): number =>
      tf.tidy(
        () => loss(...values.map((v, i) => tf.add(v, tf.mul(directions[i] ?? 0, step)))).dataSync()[0] ?? 0,
      )
    // The norms of a small batch bend the loss fast: a small step, and four points to cancel the error of order step².
    const central = (step: number): number => (at(step) - at(-step)) / (2 * step)
    const difference = (4 * central(1e-4) - central(2e-4)) / 3
    expect(difference / slope).toBeCloseTo(1, 2)
  })

  test('leaves nothing behind but its result', () => {
    const start = given()
    const rows = start.images.shape[0]
    const noise = noiseOf(network, createRandom('x'), rows, { dropout: 0.5, stochasticDepth: 0.5 })
    const mode = { training: true, noise }
    const before = tf.memory().numTensors
    for (const each of [mode, { training: false }]) {
      const { features, logits, statistics } = forward(network, start.params, start.images, each)
      expect(tf.memory().numTensors).toBe(before + 2 + statistics.size)
      tf.dispose([features, logits, ...statistics.values()])
    }
    expect(tf.memory().numTensors).toBe(before)
    tf.dispose([...noise.values()])
  })

  test('leaves nothing behind when it fails', () => {
    const start = given()
    const before = tf.memory().numTensors
    start.params.delete('classifier.1.bias')
    expect(() => forward(network, start.params, start.images, { training: true })).toThrow(
      expect.objectContaining({
        code: 'ERR_LAYOUT_MISMATCH',
        message: 'parameters must have tensor classifier.1.bias, got none',
      }),
    )
    expect(tf.memory().numTensors).toBe(before)
  })
})

/** The maskings as a pass takes them. */
function noiseOf(
  of: Network,
  random: Random,
  rows: number,
  settings: Partial<NoiseSettings>,
): Map<string, tf.Tensor> {
  const drawn = drawNoise(random, of.graph, rows, { dropout: 0, stochasticDepth: 0, ...settings })
  return new Map([...drawn].map(([name, { shape, values }]) => [name, tf.tensor(values, [...shape])]))
}

describe('forward() with maskings', () => {
  const deeper = { ...tiny, depthMultiplier: 0.34 }
  const deep = createNetwork(deeper, CLASSES)
  const params = (): Params => toParams(deep.layout, initialWeights(deep.layout, 'weights'))

  beforeAll(() => startEngine({ engine: 'cpu' }))

  function logits(mode: ForwardMode): number[] {
    return tf.tidy(() =>
      Array.from(forward(deep, params(), toTensor(randomImages(4, 16, 16)), mode).logits.dataSync()),
    )
  }

  test('gives the same bits for the same seed, and others for another', () => {
    const mode = (seed: string): ForwardMode => ({
      training: true,
      noise: noiseOf(deep, createRandom(seed), 4, { dropout: 0.3, stochasticDepth: 0.5 }),
    })
    expect(logits(mode('a'))).toEqual(logits(mode('a')))
    expect(logits(mode('a'))).not.toEqual(logits(mode('b')))
  })

  test('drops whole branches by row: block i of n with probability p · i / n, the others made up for it', () => {
    const images = randomImages(4, 33, 22)
    const weights = initialWeights(deep.layout, 'weights')
    const draws = createRandom('a')
    let dropped = 0
    const oracle = scalarForward(plan(deeper), weights, images, true, (block) => {
      if (block === 0) return 1
      const probability = (0.8 * block) / plan(deeper).blocks.length
      if (draws.float() >= probability) return 1 / (1 - probability)
      dropped++
      return 0
    })
    expect(dropped).toBeGreaterThan(0)
    tf.tidy(() => {
      const mode = {
        training: true,
        noise: noiseOf(deep, createRandom('a'), 4, { stochasticDepth: 0.8 }),
      }
      const { features } = forward(deep, toParams(deep.layout, weights), toTensor(images), mode)
      expect(distance(features.dataSync(), oracle.features.flat())).toBeLessThan(1e-4)
    })
  })

  test('draws nothing with probability 0', () => {
    const random = createRandom('a')
    expect(drawNoise(random, deep.graph, 4, { dropout: 0, stochasticDepth: 0 }).size).toBe(0)
    expect(random.state()).toEqual(createRandom('a').state())
  })

  test('leaves the bias of the classifier when every feature is dropped', () => {
    const all = logits({
      training: true,
      noise: noiseOf(deep, createRandom('a'), 4, { dropout: 1 }),
    })
    expect(new Set(all)).toEqual(new Set([0]))
  })

  test('drops before the classifier only: the features stay', () => {
    tf.tidy(() => {
      const images = toTensor(randomImages(4, 16, 16))
      const start = params()
      const dropped = forward(deep, start, images, {
        training: true,
        noise: noiseOf(deep, createRandom('a'), 4, { dropout: 0.9 }),
      })
      const plain = forward(deep, start, images, { training: true })
      expect(dropped.features.dataSync()).toEqual(plain.features.dataSync())
    })
  })
})

describe('forward() with wrong images', () => {
  beforeAll(() => startEngine({ engine: 'cpu' }))

  test('says ERR_TENSOR_SHAPE when they are not [B, H, W, 3], or give one value a channel to train on', () => {
    tf.tidy(() => {
      const params = toParams(network.layout, busyWeights())
      expect(() => forward(network, params, tf.zeros([2, 3, 16, 16]), { training: false })).toThrow(
        expect.objectContaining({
          code: 'ERR_TENSOR_SHAPE',
          message: 'images must have shape [B, H, W, 3], got [2, 3, 16, 16]',
        }),
      )
      expect(() => forward(network, params, tf.zeros([1, 16, 16, 3]), { training: true })).toThrow(
        expect.objectContaining({
          code: 'ERR_TENSOR_SHAPE',
          message: 'batch must have 2 values a channel at features.4.0.block.1.1 to train, got 1',
        }),
      )
    })
  })
})

/** Largest difference, relative to the largest wanted value. */
function distance(got: ArrayLike<number>, want: ArrayLike<number>): number {
  expect(got.length).toBe(want.length)
  const largest = Math.max(...Array.from(want, Math.abs))
  return Math.max(...Array.from(want, (value, i) => Math.abs(value - (got[i] ?? Number.NaN)))) / largest
}
