/** @file The tensors of a reference case: found by name, checked, put on the engine. */
import * as tf from '@tensorflow/tfjs-core'
import { elementCount } from '@tessera/shared/model'
import type { CaseTensor, ForwardCase } from '@tessera/shared/model/network'
import { faulty } from './case-config.ts'

/** A case of any kind: what is given, and the names of what to compute. */
export type ReferenceCase = ForwardCase

/** Gives a tensor of a group. @throws {TesseraError} ERR_CASE_FILE if there is none. */
export function caseTensor<T>(tensors: ReadonlyMap<string, T>, group: string, name: string): T {
  const tensor = tensors.get(name)
  if (!tensor) throw faulty(`case must have tensor ${group}.${name}, got none`)
  return tensor
}

/** Puts a tensor on the engine, float32. @throws {TesseraError} ERR_CASE_FILE if its data are not of its shape. */
export function onEngine(role: string, { shape, data }: CaseTensor): tf.Tensor {
  if (data.length !== elementCount(shape)) {
    throw faulty(`${role} must have ${elementCount(shape)} values, got ${data.length}`)
  }
  return tf.tensor(data, [...shape], 'float32')
}

/** Checks labels: one outside the classes would silently count as none. @throws {TesseraError} ERR_CASE_FILE if one is. */
export function classIndices({ data }: CaseTensor, classes: number): Int32Array {
  const outside = data.find((label) => !(Number.isInteger(label) && label >= 0 && label < classes))
  if (outside !== undefined) {
    throw faulty(`input.labels must be whole numbers in [0, ${classes}), got ${outside}`)
  }
  return Int32Array.from(data)
}

/** Reads out what a case expects. @throws {TesseraError} ERR_CASE_FILE if it expects what is not there. */
export function pickExpected<T>(
  expected: readonly string[],
  computed: ReadonlyMap<string, T>,
): Map<string, T> {
  return new Map(
    expected.map((name) => {
      const values = computed.get(name)
      if (values) return [name, values]
      throw faulty(`case must expect what its kind computes (${someOf(computed)}), got ${name.slice(0, 80)}`)
    }),
  )
}

function someOf(computed: ReadonlyMap<string, unknown>): string {
  const names = [...computed.keys()]
  return names.length > 24 ? `${names.slice(0, 24).join(', ')}, …` : names.join(', ')
}
