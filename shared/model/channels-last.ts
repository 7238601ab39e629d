/** @file Weights in TensorFlow's order: convolutions [height, width, inputs, outputs], depthwise ones [height, width, C, 1], all else as it is in PyTorch's. */
import { elementCount, type TensorSpec } from './layout.ts'

/** Gives a tensor's shape in TensorFlow's order. */
export function channelsLastShape({ shape }: Pick<TensorSpec, 'shape'>): number[] {
  if (shape.length !== 4) return [...shape]
  const [outputs = 0, inputs = 0, height = 0, width = 0] = shape
  return isDepthwise(shape) ? [height, width, outputs, 1] : [height, width, inputs, outputs]
}

/** Gives a copy of a tensor's values in TensorFlow's order; its own are in PyTorch's. */
export function toChannelsLast({ shape }: Pick<TensorSpec, 'shape'>, values: Float32Array): Float32Array {
  const out = new Float32Array(elementCount(shape))
  eachPlace(shape, (torch, tensorflow) => {
    out[tensorflow] = values[torch] ?? 0
  })
  return out
}

/** The inverse of {@link toChannelsLast}. */
export function fromChannelsLast({ shape }: Pick<TensorSpec, 'shape'>, values: Float32Array): Float32Array {
  const out = new Float32Array(elementCount(shape))
  eachPlace(shape, (torch, tensorflow) => {
    out[torch] = values[tensorflow] ?? 0
  })
  return out
}

/** A depthwise convolution sees one input channel a filter; no other convolution larger than 1 × 1 here does. */
function isDepthwise(shape: readonly number[]): boolean {
  return shape.length === 4 && shape[1] === 1 && shape[2] !== 1
}

/** [outputs, inputs, kh, kw] against [kh, kw, inputs, outputs]; of a depthwise filter inputs is 1, which gives [kh, kw, outputs, 1]. */
function eachPlace(shape: readonly number[], visit: (torch: number, tensorflow: number) => void): void {
  const [outputs = 0, inputs = 0, height = 0, width = 0] = shape
  if (shape.length !== 4) {
    for (let i = 0; i < elementCount(shape); i++) visit(i, i)
    return
  }
  const area = height * width
  for (let o = 0, torch = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let place = 0; place < area; place++, torch++) visit(torch, (place * inputs + i) * outputs + o)
    }
  }
}
