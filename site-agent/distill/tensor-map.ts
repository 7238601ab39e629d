/** @file Named tensors that outlive a step: replaced, read out as weights, freed. */
import * as tf from '@tensorflow/tfjs-core'
import { TesseraError } from '@tessera/shared/errors'
import type { Layout } from '@tessera/shared/model'
import { fromEngine } from '@tessera/shared/model/network'

/** Tensors by their name in the layout. */
export type NamedTensors = ReadonlyMap<string, tf.Tensor>

/** Gives a tensor by name. @throws {TesseraError} ERR_LAYOUT_MISMATCH if there is none. */
export function tensorOf(tensors: NamedTensors, name: string): tf.Tensor {
  const tensor = tensors.get(name)
  if (!tensor)
    throw new TesseraError('ERR_LAYOUT_MISMATCH', `tensors must have ${name}, got none of that name`)
  return tensor
}

/** Puts each tensor of `next` in its place, keeps it beyond the running tf.tidy, and frees the one that was there. */
export function replaceTensors(tensors: Map<string, tf.Tensor>, next: NamedTensors): void {
  for (const [name, tensor] of next) {
    tensors.get(name)?.dispose()
    tensors.set(name, tf.keep(tensor))
  }
}

/** Copies the layout's tensors out, in PyTorch's element order. @throws {TesseraError} ERR_LAYOUT_MISMATCH if one is missing. */
export function readWeights(layout: Layout, tensors: NamedTensors): Map<string, Float32Array> {
  return new Map(
    layout.tensors.map((spec) => [
      spec.name,
      fromEngine(spec, tensorOf(tensors, spec.name).dataSync<'float32'>()),
    ]),
  )
}

/** Runs `use` and frees every tensor it made and did not keep, also when it throws. As tf.tidy, but the result is not searched for tensors. */
export function scoped<T>(use: () => T): T {
  const engine = tf.engine()
  engine.startScope()
  try {
    return use()
  } finally {
    engine.endScope()
  }
}

/** Gives the same map with `prefix` before each name. */
export function withPrefix<T>(prefix: string, map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].map(([name, value]) => [`${prefix}${name}`, value])
}

/** Gives the entries whose names begin with `prefix`, without it. */
export function withoutPrefix<T>(prefix: string, map: ReadonlyMap<string, T>): Map<string, T> {
  const entries = [...map].filter(([name]) => name.startsWith(prefix))
  return new Map(entries.map(([name, value]) => [name.slice(prefix.length), value]))
}
