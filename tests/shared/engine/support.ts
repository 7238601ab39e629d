/** What the tests of the engine share: seeded tensors, one piece of work on both engines, gradients by finite differences. */
import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'
import { createRandom } from '@tessera/shared/random'
import { expect } from 'vitest'
import '../../support/allclose.ts'

/** The tensor type of a shape: by its number of dimensions where that is known. */
type TensorOf<S extends number[]> = number extends S['length']
  ? tf.Tensor
  : S['length'] extends 1
    ? tf.Tensor1D
    : S['length'] extends 2
      ? tf.Tensor2D
      : S['length'] extends 4
        ? tf.Tensor4D
        : tf.Tensor

/** A tensor of normal numbers of a seed, of the rank that its shape has. */
export function normal<S extends number[]>(
  seed: string,
  shape: readonly [...S],
  mean = 0,
  deviation = 1,
): TensorOf<S> {
  const random = createRandom(seed)
  const values = Float32Array.from({ length: tf.util.sizeFromShape([...shape]) }, () =>
    random.normal(mean, deviation),
  )
  return tf.tensor(values, [...shape]) as TensorOf<S>
}

/** The engine whose kernels are tested: the suite is run once for each, by `TESSERA_ENGINE`. A native engine that is missing fails the tests. */
export const OURS: 'wasm' | 'tensorflow' = process.env.TESSERA_ENGINE === 'tensorflow' ? 'tensorflow' : 'wasm'

/** Runs `work` on an engine and gives the values of its tensors; no tensor may be left behind. */
export async function valuesOn(
  engine: typeof OURS | 'cpu',
  work: () => tf.Tensor[],
): Promise<Float32Array[]> {
  // More threads than most machines that run this have processors: tasks meet in another order each time.
  await startEngine({ engine, threads: 3 })
  const before = tf.memory().numTensors
  const values = tf.tidy(() => work().map((tensor) => Float32Array.from(tensor.dataSync())))
  expect(tf.memory().numTensors - before).toBe(0)
  return values
}

/**
 * Expects the same numbers on our kernels as on TensorFlow.js's plain JavaScript. Both add up to 10⁵ float32 terms, in another order: a
 * result of terms that cancel may differ by √10⁵ · 6e-8 = 2e-5 of the largest.
 */
export async function expectSameOnBoth(work: () => tf.Tensor[]): Promise<void> {
  const got = await valuesOn(OURS, work)
  const want = await valuesOn('cpu', work)
  expect(got.length).toBe(want.length)
  for (const [i, values] of want.entries()) {
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    expect(got[i] ?? []).toBeAllclose(values, { absolute: 2e-5 * largest })
  }
}

/**
 * Expects the gradient of Σ f(x)·w, w seeded, to agree with central differences along seeded directions. With a step of 1e-2 the rounding
 * of a float32 sum (about 1e-6 of its terms) leaves 1e-4, and the curvature about as much.
 */
export function expectGradients(f: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[]): void {
  const weight = normal('weight of the outputs', tf.tidy(() => f(...inputs)).shape)
  const loss = (...x: tf.Tensor[]): tf.Scalar => tf.sum(tf.mul(f(...x), weight))
  const gradients = tf.grads(loss)(inputs)
  for (const [i, input] of inputs.entries()) {
    const direction = normal(`direction ${i}`, input.shape)
    const at = (step: number): number => {
      const moved = inputs.map((x, j) => (j === i ? tf.add(x, tf.mul(direction, step)) : x))
      return loss(...moved).dataSync()[0] ?? Number.NaN
    }
    const slope = (at(1e-2) - at(-1e-2)) / 2e-2
    const [want] = tf.sum(tf.mul(gradients[i] as tf.Tensor, direction)).dataSync()
    expect(gradients[i]?.shape).toEqual(input.shape)
    expect(want).toSatisfy((value: number) => Math.abs(value - slope) < 5e-3 * Math.max(1, Math.abs(slope)))
  }
}
