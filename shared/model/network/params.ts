/**
 * @file Weights as tensors of the engine, and back: convolutions HWIO, depthwise convolutions [kh, kw, C, 1], all else as it is.
 *
 * The engine's order is kept for the whole of a round: it costs a pass over the weights at its begin and at its end only.
 */
import * as tf from '@tensorflow/tfjs-core'
import { TesseraError } from '../../errors.ts'
import { assertFits, elementCount, type Layout, type TensorSpec, type Weights } from '../layout.ts'

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
      const values = reorder(spec, weights.get(spec.name) ?? new Float32Array(), 'to engine')
      return [spec.name, { shape: engineShape(spec), values }]
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
  return reorder(spec, values, 'from engine')
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

function engineShape({ shape, ...spec }: TensorSpec): number[] {
  if (shape.length !== 4) return [...shape]
  const [outputs = 0, inputs = 0, height = 0, width = 0] = shape
  return isDepthwise({ shape, ...spec }) ? [height, width, outputs, 1] : [height, width, inputs, outputs]
}

/** Depthwise convolutions see one input channel a filter; no other convolution larger than 1×1 here does. */
function isDepthwise({ shape }: TensorSpec): boolean {
  return shape.length === 4 && shape[1] === 1 && shape[2] !== 1
}

/** [outputs, inputs·kh·kw …] against [kh, kw, inputs, outputs]; for a depthwise filter inputs is 1, which gives [kh, kw, outputs, 1]. */
function reorder(
  { shape }: TensorSpec,
  values: Float32Array,
  direction: 'to engine' | 'from engine',
): Float32Array {
  const out = new Float32Array(elementCount(shape))
  if (shape.length !== 4) {
    out.set(values)
    return out
  }
  const [outputs = 0, inputs = 0, height = 0, width = 0] = shape
  const area = height * width
  for (let o = 0, torch = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let place = 0; place < area; place++, torch++) {
        const engine = (place * inputs + i) * outputs + o
        if (direction === 'to engine') out[engine] = values[torch] ?? 0
        else out[torch] = values[engine] ?? 0
      }
    }
  }
  return out
}
