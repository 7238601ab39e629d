/** @file Named tensors: found, and prefixed. */
import type * as tf from '@tensorflow/tfjs-core'
import { TesseraError } from '@tessera/shared/errors'

/** Tensors by their name in the layout. */
export type NamedTensors = ReadonlyMap<string, tf.Tensor>

/** Gives a tensor by name. @throws {TesseraError} ERR_LAYOUT_MISMATCH if there is none. */
export function tensorOf(tensors: NamedTensors, name: string): tf.Tensor {
  const tensor = tensors.get(name)
  if (!tensor)
    throw new TesseraError('ERR_LAYOUT_MISMATCH', `tensors must have ${name}, got none of that name`)
  return tensor
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
