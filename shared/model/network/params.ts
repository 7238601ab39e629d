/**
 * @file Weights as tensors of the engine, and back: convolutions HWIO, depthwise convolutions [kh, kw, C, 1], all else as it is.
 *
 * The engine's order is kept for the whole of a round: it costs a pass over the weights at its begin and at its end only.
 */
import * as tf from '@tensorflow/tfjs-core'
import { TesseraError } from '../../errors.ts'
import { channelsLastShape, fromChannelsLast, toChannelsLast } from '../channels-last.ts'
import { assertFits, type Layout, type TensorSpec, type Weights } from '../layout.ts'

/** Tensors by the layout's names, in the engine's element order. */
export type Params = Map<string, tf.Tensor>

/**
 * Copies weights into tensors; the caller disposes of them.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH, {TensorShapeError} if the weights are not the layout's.
 */
export function toParams(layout: Layout, weights: Weights): Params {
  return new Map(
    [...toValues(layout, weights)].map(([name, { shape, values }]) => [
      name,
      tf.tensor(values, [...shape], 'float32'),
    ]),
  )
}

/**
 * Gives weights in the engine's shapes and element order.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH, {TensorShapeError} if the weights are not the layout's.
 */
export function toValues(
  layout: Layout,
  weights: Weights,
): Map<string, { shape: number[]; values: Float32Array }> {
  assertFits('weights', layout, weights)
  return new Map(
    layout.tensors.map((spec) => {
      const values = toChannelsLast(spec, weights.get(spec.name) ?? new Float32Array())
      return [spec.name, { shape: channelsLastShape(spec), values }]
    }),
  )
}

/**
 * Copies tensors out as weights, in the layout's order. Tensors of other names are passed over.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH if one is missing.
 */
export async function fromParams(layout: Layout, params: Params): Promise<Weights> {
  const weights = new Map<string, Float32Array>()
  for (const spec of layout.tensors) {
    weights.set(spec.name, fromEngine(spec, await param(params, spec.name).data<'float32'>()))
  }
  return weights
}

/** Gives values in PyTorch's element order: of a parameter, or of its gradient. */
export function fromEngine(spec: TensorSpec, values: Float32Array): Float32Array {
  return fromChannelsLast(spec, values)
}

/**
 * Gives a tensor by name.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH if there is none.
 */
export function param(params: Params, name: string): tf.Tensor {
  const tensor = params.get(name)
  if (!tensor) throw new TesseraError('ERR_LAYOUT_MISMATCH', `parameters must have tensor ${name}, got none`)
  return tensor
}
