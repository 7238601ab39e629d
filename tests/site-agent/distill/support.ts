/** What the tests of distill share: seeded tensors, gradients by finite differences, a leak check, tiles made of numbers. */
import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'
import { toParams } from '@tessera/shared/model/network'
import { type Study, type StudyInput, study as studySchema } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import type { TileSource } from '@tessera/site-agent/distill'
import { afterEach, beforeEach, describe, expect } from 'vitest'
import { initialModules, type ModuleTensor } from '../../../site-agent/distill/modules.ts'

/** Runs the suite on each engine, each test in a scope of its own that frees its tensors; a kept one fails the test. */
export function onEachEngine(name: string, suite: (engine: 'wasm' | 'cpu') => void): void {
  describe.each(['wasm', 'cpu'] as const)(`${name} on %s`, (engine) => {
    let before = 0
    beforeEach(async () => {
      await startEngine({ engine })
      tf.engine().startScope()
      before = tf.memory().numTensors
    })
    afterEach(() => {
      tf.engine().endScope()
      expect(tf.memory().numTensors - before).toBe(0)
    })
    suite(engine)
  })
}

/** Tensors that `use` makes and leaves behind beside those it returns. */
export function leaked(use: () => tf.Tensor | readonly tf.Tensor[]): number {
  const before = tf.memory().numTensors
  const result = use()
  return tf.memory().numTensors - before - (result instanceof tf.Tensor ? 1 : result.length)
}

/** Normal numbers of a seed. */
export function normals(seed: string, length: number, deviation = 1): Float32Array {
  const random = createRandom(seed)
  return Float32Array.from({ length }, () => random.normal(0, deviation))
}

/** A seeded matrix. */
export function matrix(seed: string, rows: number, columns: number, deviation = 1): tf.Tensor2D {
  return tf.tensor2d(normals(seed, rows * columns, deviation), [rows, columns])
}

/** A seeded feature map, NHWC. */
export function map(
  seed: string,
  ...shape: [batch: number, height: number, width: number, channels: number]
): tf.Tensor4D {
  const length = shape.reduce((product, size) => product * size, 1)
  return tf.tensor4d(normals(seed, length), shape)
}

/** Modules at their start, with seeded noise on all of them, so that norms are not the identity. */
export function busyModules(tensors: readonly ModuleTensor[]): Map<string, tf.Tensor> {
  const layout = { architecture: 'modules', tensors: tensors.map(({ spec }) => spec) }
  const noisy = [...initialModules(tensors, 'modules')].map(([name, values]) => {
    const noise = normals(name, values.length, 0.3)
    return [name, values.map((value, i) => value + (noise[i] ?? 0))] as const
  })
  return toParams(layout, new Map(noisy))
}

/** A seeded linear layer. */
export function layer(
  seed: string,
  outputs: number,
  inputs: number,
): { weight: tf.Tensor2D; bias: tf.Tensor1D } {
  return {
    weight: matrix(`${seed}/weight`, outputs, inputs, 0.7),
    bias: tf.tensor1d(normals(`${seed}/bias`, outputs, 0.3)),
  }
}

/** Rows of a matrix. */
export function rowsOf(tensor: tf.Tensor2D): number[][] {
  return tensor.arraySync()
}

/** y = x·Wᵀ + b with loops. */
export function linearByLoops(
  x: number[][],
  { weight, bias }: { weight: tf.Tensor2D; bias: tf.Tensor1D },
): number[][] {
  const [w, b] = [weight.arraySync(), bias.arraySync()]
  return x.map((row) =>
    w.map((weights, o) => weights.reduce((sum, value, i) => sum + value * (row[i] ?? 0), b[o] ?? 0)),
  )
}

/** Σᵢ xᵢyᵢ. */
export function dot(x: readonly number[], y: readonly number[]): number {
  return x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0)
}

/** log Σ e^x, without care for overflow: an oracle's values are small. */
export function logSumExpOf(values: readonly number[]): number {
  return Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0))
}

/**
 * Expects the gradient of `loss` at `x` to agree with central differences at some of its elements. The step is large because values
 * are float32: its rounding of about 1e-6 over a step of 1e-2 leaves 1e-4.
 */
export function expectGradient(
  loss: (x: tf.Tensor) => tf.Scalar,
  x: tf.Tensor,
  places: readonly number[],
): void {
  const step = 1e-2
  const gradient = tf.tidy(() => tf.grad(loss)(x).dataSync())
  const values = x.dataSync()
  const at = (place: number, change: number): number =>
    tf.tidy(
      () =>
        loss(
          tf.tensor(
            values.map((v, i) => (i === place ? v + change : v)),
            x.shape,
          ),
        ).dataSync()[0] ?? Number.NaN,
    )
  for (const place of places) {
    const slope = (at(place, step) - at(place, -step)) / (2 * step)
    expect(Math.abs((gradient[place] ?? Number.NaN) - slope)).toBeLessThan(
      2e-3 * Math.max(1, Math.abs(slope)),
    )
  }
}

/** The smallest network: 33,000 parameters. */
export const TINY = { widthMultiplier: 0.1, depthMultiplier: 0.1 } as const

/** A study with the smallest student. */
export function makeStudy(changes: Partial<StudyInput> = {}): Study {
  return studySchema.parse({
    id: 'study',
    seed: 'seed',
    classes: ['a', 'b', 'c'],
    tile: { sizePx: 32 },
    student: { ...TINY },
    teacher: { ...TINY, sha256: '0'.repeat(64), task: 'same', classes: 3 },
    method: { name: 'moma', featureDim: 8, heads: 2, queueSize: 10 },
    training: { rounds: 3, batchSize: 4, learningRate: 0.01 },
    ...changes,
  } satisfies StudyInput)
}

/** Tiles of one noisy colour a class, easy to learn. */
export function makeTiles(count: number, sizePx = 32): TileSource {
  const length = sizePx * sizePx * 3
  const tiles = Array.from({ length: count }, (_, i) => {
    const random = createRandom(`tile-${i}`)
    return Float32Array.from({ length }, (_, at) => random.normal(at % 3 === i % 3 ? 1.5 : 0, 0.5))
  })
  return {
    sizePx,
    count,
    labels: Int32Array.from(tiles, (_, i) => i % 3),
    classCounts: [0, 1, 2].map((label) => tiles.filter((_, i) => i % 3 === label).length),
    skipped: 2,
    async *batches({ random, batchSize }) {
      const indices = [...tiles.keys()]
      const order = random ? random.shuffled(indices) : indices
      for (let start = 0; start < count; start += batchSize) {
        const chosen = order.slice(start, start + batchSize)
        const images = new Float32Array(chosen.length * length)
        for (const [at, tile] of chosen.entries()) images.set(tiles[tile] ?? [], at * length)
        const [labels, indices] = [Int32Array.from(chosen, (tile) => tile % 3), Int32Array.from(chosen)]
        yield { images, labels, indices, size: chosen.length }
      }
    },
  }
}
